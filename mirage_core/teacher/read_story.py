"""Reading what a piece of text says about the story: how it ends, where it has been, what the edge stops."""

import re
from collections.abc import Iterator

from mirage_core.teacher.claims import Claim, Ending, Letter, Stayed, Visited
from mirage_core.teacher.words import SQUARE, TARGET, compiled, stance_of, words_of

HOLE = r"(?:a|the|that|this|its)(?: \w+)? holes?"
LAST_PLACE = r"\b(?:final|last) (?:position|square|cell|tile|spot|place|stop) (?:is|lies|will be)"
ENDINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("G", compiled(rf"\breach(?:es|ed|ing)? (?:\w+ )?{TARGET}\b")),
    ("G", compiled(rf"\b(?:arriv|end|finish|land|stop)\w* (?:\w+ ){{0,4}}?(?:at|on|in) {TARGET}\b")),
    ("G", compiled(rf"\b(?:am|is|are|stands?|standing) (?:(?!not\b|never\b)\w+ )?(?:at|on) {TARGET}\b")),
    ("G", compiled(rf"\b{TARGET} (?:is|was|has been|gets)(?: \w+)?(?<!not)(?<!never) reached\b")),
    ("G", compiled(r"\b(?:ensur|secur|guarante|mean|bring|complet|achiev)\w* (?:\w+ )?success\b")),
    ("G", compiled(r"\b(?:success (?:is |as )?(?:now )?(?:certain|guaranteed|assured|complete)|action success)\b")),
    ("G", compiled(r"\b(?:plan|player|walk|action|i) (?:\w+ )?(?:succeeds?|wins?|succeeded|works)\b")),
    ("G", compiled(r"\b(?:plan|player|walk|action) is (?:(?!not\b|never\b)\w+ )?(?:successful|a success)\b")),
    ("G", compiled(rf"\b(?:complet|finish)\w* the (?:way|walk|path|route|journey) to {TARGET}\b")),
    ("G", compiled(rf"\b(?:bring|tak|lead|get|carr)\w* (?:me|the player|it) (?:on)?to {TARGET}\b")),
    ("SFH", compiled(rf"\b(?:short of|miss(?:es|ed|ing)?) {TARGET}\b")),
    ("SFH", compiled(rf"\b{TARGET} (?:(?:is|was|has|remains|stays|still|yet|been) )+"
                      r"(?:not|never|un)(?: yet| been)* ?reached\b")),
    ("SFH", compiled(r"\b(?:plan|player|walk|action) (?:\w+ )?fail(?:s|ed)?\b(?! (?:to|in|on)\b)")),
    ("H", compiled(rf"\b(?:fall|fell|drop|plung|sink|slip)\w* (?:\w+ ){{0,2}}?(?:in|into|through|down) {HOLE}\b")),
    ("H", compiled(rf"\b(?:end|land|stop|finish|los|fail)\w* (?:\w+ ){{0,5}}?(?:in|into|inside) {HOLE}\b")),
    ("H", compiled(r"\b(?:means|is|with) a fall\b|\bhole (?:ends|stops|finishes) (?:the|it)\b")),
    ("H", compiled(r"\bfail[ -]in[ -](?:a )?hole\W{0,2} "
                    r"(?:is |becomes |now )*(?:certain|sure|guaranteed|inevitable)\b")),
    ("H", compiled(r"\bhole[ -]failure (?:is |becomes )?(?:certain|inevitable|guaranteed)\b")),
    ("G", compiled(rf"\b(?:mak|mad|get|got|com|cam)\w* (?:it |safely )*(?:to|at) {TARGET}\b")),
    ("G", compiled(rf"\b(?:bring|tak|lead|get|carr|deliver)\w* (?:(?:me|us|the|player|elf|it|safely|straight|directly|up|down|left|right|and|finally) ){{1,4}}?(?:on)?to {TARGET}\b")),
    ("G", compiled(r"\b(?:plan|player|walk|result|outcome|end|attempt|mission|game|try|route|path) (?:\w+ )?(?:is|was|proves) "
                   r"(?:(?!no\b|not\b|never\b)\w+ ){0,3}?(?:success\w*|won|victory)\b")),
    ("G", compiled(r"\b(?:has|have) (?:\w+ )?(?:won|succeeded)\b|\b(?:mission|attempt|route|path) succeeds\b"
                   r"|\bto a (?:\w+ )?(?:success|happy|good)\w* end\b")),
    ("SFH", compiled(rf"\b{TARGET} (?:(?:is|stays|remains|was|still|left) )+(?:out of reach|un(?:reached|reachable)|(?:far |some way )?away)\b")),
    ("SFH", compiled(rf"\bnot (?:yet )?(?:at|on) {TARGET}\b|\b(?:no|without|not a) success\b")),
    ("SFH", compiled(rf"\b(?:end|stop|halt|finish|run)\w* (?:\w+ ){{0,2}}?(?:before|short of|ahead of|away from"
                     rf"|(?:somewhere|anywhere) else than(?: (?:at|on))?) {TARGET}\b")),
    ("SFH", compiled(rf"\btoo (?:short|few|little) (?:\w+ )?to (?:reach|get to|arrive at) {TARGET}\b")),
    ("SFH", compiled(r"\b(?:result|outcome|end) (?:\w+ )?(?:is|was) (?:\w+ ){0,2}?(?:failure|defeat|loss)\b"
                     r"|\b(?:game|player) (?:is|has) lost\b")),
    ("H", compiled(rf"\b(?:fall|fell|drop|plung|sink|sunk)\w* (?:in|into|through) (?:the )?(?:icy |cold )?(?:water|lake|ice)\b"
                   rf"|\b(?:fall|fell|drop|plung)\w* (?:in|through|into it)(?= ?$|,)|\b(?:swallow|caught|trapp|end)\w* (?:up )?(?:by|in) {HOLE}\b")),
    ("H", compiled(rf"\b(?:lead|bring|carr|tak|send|sent|step|walk|run|ran|mov|go|slid|tumbl|land)\w* (?:\w+ ){{0,4}}?into {HOLE}\b")),
    ("H", compiled(rf"\b(?:fail|los|lost|end)\w* (?:because of|due to|at|on|to) {HOLE}\b|\b(?:is|are|am|lies|sits|stands) (?:now )?in {HOLE}\b"
                   r"|\b(?:last|final) (?:square|cell|tile|move) is a (?:fall|hole)\b|\bfailure in a hole\b")),
    ("SF", compiled(r"\b(?:end|finish|stop|stay|remain|stand|is|am)(?:s|ing|ed)? (?:up )?(?:still |left |only )?on (?:the |plain |mere "
                    r"|safe |solid |bare )*ice\b")),
    ("G", compiled(rf"\b{TARGET} (?:is|was|has been|gets)(?: \w+)?(?<!not)(?<!never) (?:attained|achieved|gained)\b"
                   rf"|\b(?:attain|gain|hit)\w* {TARGET}\b")),
    ("G", compiled(r"\b(?:lead|end|result|finish|conclud)\w* (?:\w+ )?(?:to|in|with) (?:a |full |complete |great )*success\b"
                   r"|\bsuccess (?:is|has been|was) (?:achieved|reached|attained)\b|\battempt is (?:\w+ )?successful\b")),
    ("SFH", compiled(rf"\bunsuccessful\b|\b{TARGET} (?:is|was|gets) (?:\w+ )?(?:missed|not attained|never attained)\b")),
    ("G", compiled(rf"{LAST_PLACE} {TARGET}\b")),
    ("H", compiled(rf"{LAST_PLACE} (?:in )?{HOLE}\b")),
    ("SF", compiled(rf"{LAST_PLACE} (?:on )?(?:the |safe |plain )*ice\b")),
    ("H", compiled(r"\b(?:perish|drown|die)(?:s|d|es|ed)?\b|\b(?:crash|break|broke|burst)\w* through (?:the )?ice\b")),
    ("SFG", compiled(r"\bis alive\b")),
    ("SFG", compiled(r"\b(?:player|i) (?:\w+ )?surviv\w*\b|\b(?:outcome|result|end) is safe\b")),
    ("SFG", compiled(r"\b(?:stay|keep|remain|end|is|am|are)(?:s|ing)? (?:(?:me|the player|i) )?(?:\w+ )?"
                      r"(?:safe|safely)\b")),
    ("SFG", compiled(r"\b(?:on|onto) (?:the |a )?safe (?:square|ground|ice|path|tile|cell|side)\b")),
)  # fmt: skip
OF_PLAN = compiled(
    r"\b(?:(?<!\bI )(?<!\bto )plan|outcome|result|overall|in the end|finally|at the end|after all|all (?:the )?moves|action)\b"
)
LETTER = re.compile(
    r"\b(?:[Aa]nswer|[Oo]utcome|[Oo]ption|[Cc]hoice|[Rr]esult)\b(?: is|:| =|,)*[ (\"'*]*([ABC])\b(?! [a-z])"
)


def endings(piece: str) -> Iterator[Claim]:
    for tiles, pattern in ENDINGS:
        for found in pattern.finditer(piece):
            stance = stance_of(piece, found.start())
            if stance != "supposed" and not (stance == "denied" and tiles in ("SFG", "SFH")):
                true_on = tiles if stance == "affirmed" else "".join(tile for tile in "SFHG" if tile not in tiles)
                yield Ending(
                    words_of(piece, found), true_on, OF_PLAN.search(piece) is not None, foretold=stance == "affirmed"
                )


def letters(piece: str) -> Iterator[Claim]:
    for found in LETTER.finditer(piece):
        yield Letter(found[0], found[1])


# visits and edges

VISITED = compiled(
    r"\b(?:already (?:been )?visited|visited (?:already|before|earlier)|been (?:here |there |on it )?before|revisit\w*"
    r"|(?:second|third) (?:time|visit)|(?:back|return\w*) (?:to|on|onto|at) (?:the )?"
    rf"(?:{SQUARE}|square|start|where)|back (?:to )?where I (?:was|came from))"
)
NEW = compiled(
    r"\b(?:for the first time|unvisited|(?:a |onto )new (?:square|ground)|never visited|not (?:yet )?visited)\b"
)
EDGE = r"(?:the )?(?:edge|border|boundary|wall|rim)"
STAYED = compiled(
    r"\b(?:stay(?:s|ing)? (?:put|in place|where)|(?:on|at) the same square|changes nothing|no effect(?! on)"
    rf"|{EDGE}(?: of the (?:board|map|grid))? (?:block|stop|prevent|hold|keep|bar)\w*"
    rf"|(?:block|stop|held|barr)\w*(?: back)? (?:by|at) {EDGE}"
    rf"|(?:hits?|hitting|runs? into|running into|bumps? (?:into|against)|bumping (?:into|against)|against) {EDGE}"
    rf"|off {EDGE}|(?:off|leaves?|leaving) the (?:board|map|grid))\b"
)


def visits(piece: str) -> Iterator[Claim]:
    for pattern in (VISITED, NEW):
        found = pattern.search(piece)
        if found and (stance := stance_of(piece, found.start())) != "supposed":
            yield Visited(found[0], (pattern is NEW) != (stance == "denied"))
            return


def stays(piece: str) -> Iterator[Claim]:
    found = STAYED.search(piece)
    if found and stance_of(piece, found.start()) == "affirmed":
        yield Stayed(found[0])
