"""Reading a sentence behind the last move: what became of the walk, by its topics and whether each is denied.

What is said there has one subject, so words need no place in a pattern: a topic is claimed unless its clause denies it,
and all clauses must be true. Chances are opinions, but for those of nothing or all.
"""

import re
from functools import lru_cache

from mirage_core.teacher.words import compiled

SENTENCES_REMEMBERED = 1 << 12
ALL = "SFHG"
CLAUSES = compiled(
    r"[,;:]|\b(?:but|and|while|so|because|since|as|which|though|although|yet|then|having|nor|or|with|that|who|where)\b"
)
CUT_BEFORE = compiled(r"\b(?=(?:nor|before|without|with (?:no|not)) )")
"""A denial begins its own clause."""
ODDS = compiled(
    r"\b(?:chances?|odds|likelihood|probabilit\w+|risk|danger|possibilit\w+|likely|possible|possibly|unlikely)\b"
)
EXTREME_NO = compiled(
    r"\b(?:0 ?%|zero|none|nil|gone|lost|impossible|vanish\w*|ruled out|out of the question|no longer|no (?:chance|way|risk|danger|possibility|hope)"
    r"|not possible|eliminat\w*|over with)\b|\b0 ?(?:%|percent)"
)
EXTREME_YES = compiled(
    r"\b100 ?(?:%|percent)|\b(?:certain\w*|guarantee\w*|inevitable|assured|sure|one|full|settled|sealed|definite\w*)\b"
)
SUPPOSED = compiled(
    r"\b(?:would|could|might|may|if|whether|unless|hop(?:e|es|ing)|aim(?:s|ed|ing)? (?:to|for)|wants? to|(?<!where it )(?<!as it )(?<!where I )should|in order|depend\w*|until|must(?! be\b)|need(?!s? no)\w*|had to|next move)\b"
)
DENIAL = compiled(
    r"\b(?:not|never|no|none|nobody|no one|past|without|neither|nor|cannot|hardly|avoid\w*|prevent\w*|instead of|rather than|before|short of|(?:falls?|fell|stops?|comes?|came) short|miss(?:es|ed|ing)?|fail(?:s|ed|ing)? to"
    r"|failure to|unable|out of|clear of|away|far|un(?:reached|reachable|attained)|ruled out|rules out|ruling out|beyond|escap\w*|elu\w+|evad\w*|spared?"
    r"|(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|some|several|a few|many) (?:(?:squares?|moves?|steps?|tiles?|cells?) )?(?:away )?(?:from|left|off|to go)|some way|still (?:a|some) (?:\w+ )?(?:way|distance)|more to go|off limits|nowhere|impossible|no longer|eliminat\w*|too (?:early|soon|short|few|little)|lacks?|lacking"
    r"|keeps? \w+ (?:\w+ )?from|anywhere but|anything but|close to|near|next to|beside|almost|nearly|just outside|abandon\w*|denied|zero)\b|n['’]t\b|\b0 ?%"
)
TOPICS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("H", compiled(r"\b(?:hole|(?:in|into|of|by) (?:one of )?the holes|fall(?:s|ing|en)?(?! (?:short|to|behind|away|back|on the way)\b)|fell(?! short)|water|drown\w*|plung\w*|sinks?|sank|sunk|sinking|fatal|deadly|dies?|dead|death|perish\w*|doom\w*|trapped"
                   r"|drop(?:s|ped)? in|swallow\w*|goes under|submerg\w*|pit|abyss|plummet\w*|tumbl\w*|demise)\b")),
    ("G", compiled(r"\b(?:target|goal|destination|finish line|finish tile|success\w*|succeed\w*|wins?|won|winning|victor\w*|gift|prize|treasure|aim|purpose|objective|works?|worked|home|across|arriv\w+|mission accomplished"
                   r"|accomplish\w*|triumph\w*|fulfill?ed|completed?|does its job|pays? off|as (?:intended|planned|hoped))\b")),
    ("SFH", compiled(r"\b(?:fail(?!\w* to\b)\w*|unsuccessful\w*|los(?:es|t|ing|e)|defeat\w*|in vain|for nothing|insufficient|incomplete|stranded|stuck)\b")),
    ("SFG", compiled(r"\b(?:safe\w*|unharmed|fine|okay|well|lives?|in one piece|surviv\w*|alive|intact|solid|dry|unscathed|stranded|stuck)\b")),
    ("SF", compiled(r"\b(?:(?:on|is|plain|ordinary|of|mere|bare|open) (?:the |plain |ordinary |solid |safe |normal |mere |regular |a )*ice\b|ice (?:square|tile|cell)|(?:on|is) a (?:safe|plain|ordinary|normal) (?:square|tile|cell|spot))|\b(?:too (?:early|soon|short|few)|short of|stops? short|falls? short"
                    r"|run(?:s)? out|ran out|halfway|midway|stranded|incomplete)\b")),
)  # fmt: skip
"""Tiles on which a topic would be true, and its words."""
HOLES = compiled(r"\bholes\b")
"""Many are passed; in a denial none is entered."""
ABOUT_BOARD = compiled(r"\b(?:rows?|columns?|corners?|edge|border|shortest|detour|route|between)\b")
SURVIVED = compiled(
    r"\b(?:nothing bad happens|no (?:more )?moves (?:are )?(?:left|remain\w*)|out of moves|moves are (?:all )?(?:used up|spent|exhausted|over))\b"
)
NO_DOUBT = compiled(r"\b(?:no|without(?: a)?|beyond(?: any)?) doubt(?: that)?\b")
NO_ESCAPE = compiled(r"\bno (?:escape|way out|return) from\b")
LETTER = re.compile(
    r"\b(?:[Aa]nswer|[Oo]utcome|[Oo]ption|[Cc]hoice|[Rr]esult|[Cc]ase|[Ll]etter)\b(?: is|:| =|,| must be| should be| has to be| becomes)*[ (\"'*]*([ABC])\b(?! (?:[a-z]+ )?(?:hole|move|step|square))"
)
OF_LETTER = {"A": "G", "B": "H", "C": "SF"}


@lru_cache(maxsize=SENTENCES_REMEMBERED)
def verdict(sentence: str) -> str:
    """Letters of the tiles on which the sentence would be true; empty if none, `ALL` if it says nothing of the end."""
    named = LETTER.search(sentence) is not None
    if (SUPPOSED.search(sentence) and not named) or ABOUT_BOARD.search(sentence):
        return ALL
    tiles = set(ALL)
    for found in LETTER.finditer(sentence):
        tiles &= set(OF_LETTER[found[1]])
    for clause in _clauses(sentence):
        tiles &= set(_tiles(clause))
    return "".join(letter for letter in ALL if letter in tiles)


def _clauses(sentence: str) -> list[str]:
    sentence = NO_ESCAPE.sub("trapped", NO_DOUBT.sub(" ", sentence))
    whole = CUT_BEFORE.sub("; ", sentence)
    return [clause for clause in CLAUSES.split(_joined(whole)) if clause.strip()]


def _joined(sentence: str) -> str:
    """The sentence with a clause of its own for "nor", which denies what follows."""
    return re.sub(r"(?i)\bnor\b", "; never", sentence).replace("neither", "never").replace("Neither", "never")


def _tiles(clause: str) -> str:
    odds = ODDS.search(clause) is not None
    if odds and not (EXTREME_NO.search(clause) or EXTREME_YES.search(clause)):
        return ALL
    denied = DENIAL.search(clause) is not None or (odds and EXTREME_NO.search(clause) is not None)
    tiles = "SFG" if SURVIVED.search(clause) else ALL
    if denied and HOLES.search(clause):
        return "SFG"
    topics = [letters for letters, pattern in TOPICS if pattern.search(clause)]
    if "H" in topics and "SFH" in topics and not denied:
        topics.remove("SFH")  # "fails in a hole" is a fall
    if "SF" in topics and not any(topic in ("H",) for topic in topics):
        return "".join(letter for letter in tiles if letter in "SF")  # "short of the target", "too early"
    if "H" in topics and "G" in topics and denied:
        return ALL  # two topics, and it is not clear which is denied
    for letters in topics:
        tiles = "".join(letter for letter in tiles if (letter in letters) != denied)
    return tiles
