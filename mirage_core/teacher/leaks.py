"""Words by which a thought gives away what its teacher was shown: other pictures, the plan, the answer, the prompt.

A thought is learnt by a model that sees the question alone, so it may speak of the question's own picture and, where
the question states a plan, of that plan; and it may imagine a way, but not see one drawn.

Two nets: phrases that are leaks wherever they stand, and words a thought has no use for, save in phrases known to be
innocent. The second is the wider one: it makes some harmless sentences be asked for anew.
"""

import re

from mirage_core.puzzles import vsp_reasoning
from mirage_core.teacher.words import compiled

PICTURE = (
    r"(?:images?|pictures?|pics?|figures?|diagrams?|illustrations?|visuali[sz]ations?|drawings?|screenshots?|frames?"
    r"|photos?|graphics?|sketch(?:es)?|views?|visuals?|renderings?|snapshots?)"
)
OTHER = (
    r"(?:second|2nd|third|other|another|extra|additional|auxiliary|helper|helping|helpful|support(?:ing|ive)?|reference"
    r"|accompanying|companion|next|following|last|final|later|resulting|updated|modified|annotated|marked(?:[- ]up)?|supplement(?:ary|al)"
    r"|labell?ed|supplied|given(?! (?:this|these|the|that|my)\b)|provided|attached|included|solution|path|route|answer|hint|highlighted|edited|both|two"
    r"|previous|first|you gave|side|alternate|alternative)"
)
DRAWN = (
    r"(?:drawn|marked|highlighted|indicated|illustrated|annotated|depicted|dotted|dashed|colou?red|displayed|overlaid"
    r"|shown|outlined|pre-?drawn|traced|sketched|painted|superimposed|rendered|visuali[sz]ed|shaded|plotted|printed|tinted"
    r"|circled|pre-?marked|glowing|bolded|pictured|numbered|underlined|lit(?:[- ]up)?)"
)
LINE = r"(?:arrows?|lines?|squares|cells|tiles|corridor|course|lane|walk|sequence|paths?|route|trajector(?:y|ies)|trail|way|track|solution|polyline|markings?)"
GIVEN = (
    r"(?:provided|given(?! (?:this|these|the|that|my)\b)|supplied|suggested|proposed|stated|listed|specified|known|told|prescribed|official|indicated"
    r"|mentioned|revealed|presented|disclosed|predetermined|predefined|pre-?computed)"
)
PLAN = r"(?:plan|moves|actions?|action sequence|sequence|steps|path|route|solution|directions|commands)"
ANSWER = r"(?:answer|outcome|result|label|solution|verdict|conclusion)"

IMAGINED = compiled(
    r"^(?:now,? |next,? |so,? |first,? )*(?:let me |let us |let's |i (?:can |now |will |try to )?|i bring )?(?:to )?"
    r"(?:picture|imagine|visuali[sz]e|envision|draw|sketch|trace|bring|reflect on|think of|see|look at|consider|focus on|highlight|mark|map out)\b"
    r"|\bin my (?:mind|head|thoughts)\b|\bmind's eye\b"
)
"""A sentence that asks to picture something: what it names is not seen."""
INNOCENT = compiled(
    r"\b(?:my|a|this|our|any|no|another|careful|good|better|safe) (?:\w+ )?(?:plan|answer|solution)\b"
    r"|\bthe (?:action )?plan (?:is to|is a|succeeds|works|has \w+ moves?|has failed|takes|needs|ends|reaches|stops|fails|leads|does"
    r"|brings|gets|makes|never|of \w+ moves|is (?:\w+ )?(?:success\w*|too|done|over))\b"
    r"|\b(?:i|we|to|me|us) plan\b|\bexplain why\b|\bthe (?:task|answer|right choice|solution) (?:here |now )?is to\b|\bright choice\b|\bcompletes? the task\b"
    r"|\ba (?:\w+ )?sequence of\b|\bfrom the (?:picture|image) i\b|\b(?:to|is|now) zero\b|\bout of the question\b|\bthe answer (?:should be|must be|has to be) [abc]\b|\b(?:provided|given|stated) (?:action )?plan\b"
    r"|\b(?:straight|direct) lines?\b|\ba line\b|\b(?:a|any|each|the|this) line (?:of (?:ice|holes|squares|sight)|that i|across|between|to the target (?:is|would)"
    r"|from the start)\b|\bthe best answer\b"
    r"|\bthe solution is to\b|\bthe answer (?:follows|is [abc]\b)|\bin one direction\b"
    r"|\b(?:i|me|us|we|to|and|now|can) (?:picture|sketch|draw|frame|figure)\b|\bfigure out\b"
    r"|\bin (?:the|this) (?:image|picture)(?=,| (?:i|we|the|there|it)\b)"
    r"|\bthe (?:picture|image) (?:of the (?:board|map|maze|grid|lake)\b|shows (?:a|the|that|two|some|how many)\b)"
)
"""What may be said with words that otherwise give something away."""
SOURCE = compiled(r"\b(?:solution|answer)\b")
"""What even an imagination has from elsewhere."""
SENSITIVE = (
    compiled(
        r"\b(?:image|picture|figure|diagram|illustration|photo|screenshot|drawing|sketch|visuali[sz]ation|rendering|snapshot"
        r"|shot|visual|preview|input|scan|graphic)s?\b|\b(?:future|later|resulting) (?:state|position|board)\b"
        r"|\b\w*-(?:image|picture)\b"
    ),
    compiled(
        r"\b(?:arrow\w*|stroke|overlay\w*|polyline|red|highlight\w*|drawn|colou?red|annotat\w*|overlaid|scarlet|crimson"
        r"|markers?|pointers?|markings?|signs?)\b|\bthe (?:thick|thin|bold|dashed|curved) (?:line|trace|mark)\b|\b(?:line|trace) (?:bends?|turns?|runs?)\b"
    ),
    compiled(
        r"\b(?:answer|solution|solver)(?:s|'s)?\b|\b(?:correct|right|true) (?:option|choice|letter|outcome|result)\b"
        r"|\breason(?:ing)? backwards?\b"
    ),
    compiled(
        r"\b(?:seen|know|knew|knowing|shown|saw|having) (?:\w+ )?the (?:result|outcome|ending|end|future)\b"
        r"|\b(?:result|outcome|end) (?:\w+ ){0,2}?(?:in advance|beforehand)\b|\bi was (?:\w+ )?shown\b"
        r"|\b(?:stated|said|written|noted) that the (?:result|outcome)\b"
    ),
    compiled(r"\b(?:solved|finished|completed|filled[- ]in) (?:map|maze|board|grid|puzzle|version|copy|example)\b"),
    compiled(r"\b(?:provided(?! that\b)|supplied|prescribed|presented|handed)\b|\bgiven to (?:me|us)\b"),
    compiled(r"\blines?\b|\b(?:mark(?:s|ed|ing|er)?|drew)\b"),
    compiled(
        r"\b(?:information|notes|context|messages?|document|page|file|attach\w*|request\w*|itinerary|script|oracle|computer|algorithm|(?:pre-?)?computed"
        r"|calculated|footprints?|someone|somebody|whoever)\b"
    ),
    compiled(
        r"\b(?:format|brackets?|sentences?|paragraph|wording|narrat\w*|pretend\w*|on my own|reader|in my own words)\b"
    ),
    compiled(
        r"\balready (?:\w+ )?(?:decided|known|chosen|determined|set|fixed|laid out|planned|found)\b|\b(?:moves|steps) (?:come|came) with\b"
    ),
    compiled(
        r"\b(?:map|board|grid|maze) with (?:the|a|an|its) (?:\w+ )?(?:path|route|way|line|arrows?|solution|trail|moves)\b"
    ),
    compiled(
        r"\b(?:match(?:es|ed|ing)?|consistent with|in (?:line|agreement|accordance|keeping) with|agree\w*|confirm\w*|verif\w+|cross-?check\w*)\b"
    ),
    compiled(
        r"\b(?:rules?|steps?|points?|moves?) (?:above|below|listed)\b|\bone sentence\b|\b(?:per|each|every) sentence\b"
    ),
    compiled(
        r"\b(?:task|question|exercise|assignment|puzzle statement|rules of)\b|\b(?:explain|explaining|explained|elaborate)\b"
        r"|\b(?:this helps|more detail|feel free|let me know|keep (?:it|this) (?:brief|short)|(?:stay|be|am) (?:brief|concise))\b"
        r"|^(?:sure|certainly|of course|okay|ok|absolutely|great|alright)[!,.]|\bthree parts\b|\b(?:required|requested|desired) (?:format|form|length)\b|\bmention\w*\b"
    ),
    compiled(r"\b(?:entry|entries|list|string|strings|element|index|indices|zero|coordinates? given)\b"),
)
"""Words that a thought has no use for, outside of what is innocent."""
CASED = re.compile(r"\b(?:an?|the|letter|symbol) [SFHG]\b|\b[SFHG]{2,}\b")
"""How the board is written for a teacher; capitals matter."""
SENSITIVE_PLANNING = compiled(
    r"\b(?:plan|plans|planned|pre-?\w*planned|sequence|instructions?|given directions)\b"
    r"|\b(?:ready|pre)-?made\b|\bcame with\b|\bhanded to me\b|\b(?:required|necessary|fixed|predetermined) moves\b|\bmoves are (?:\w+ )?(?:fixed|known|set)\b"
)

OF_TEACHER = (
    compiled(rf"\bkn[oe]w\w* the (?:\w+ )?{ANSWER}\b"),
    compiled(r"\b(?:i|we) (?:was|were|am|are|have been|had been|have|got) (?:just |already |been )?"
             r"(?:told|given|asked|shown|instructed|provided|handed|informed|supposed)\b"),
    compiled(r"\b(?:you|your(?! mind)|yours|the user|the prompter|the teacher)\b"),
    compiled(r"\b(?:prompt(?:ed)?|instructions?|instructed|guidelines?|system message|task description|problem statement"
             r"|as an ai|language model|assistant|chatbot|dataset|training (?:data|example)|this example)\b"),
    compiled(r"\bas (?:requested|asked|required|told|mentioned|instructed|directed|specified|stated|noted) (?!before|above|earlier)"),
    compiled(r"\bas (?:requested|asked|required|told|instructed|directed)\b"),
    compiled(r"\bmust not (?:mention|say|tell|refer)\b|\bnot (?:allowed|supposed) to (?:mention|say|tell)\b"),
)  # fmt: skip
"""Leaks whatever the puzzle: of having been told an answer, of whoever asks, of the prompt."""
EVERYWHERE = (
    *OF_TEACHER,
    compiled(rf"\b{OTHER} (?:\w+ ){{0,2}}?{PICTURE}\b"),
    compiled(rf"\b{OTHER} (?:\w+ )?(?:maps?|mazes?|boards?)\b"),
    compiled(r"\b(?:images|pictures|figures|diagrams|screenshots|photos|frames)\b"),
    compiled(rf"\b{PICTURE} (?:\d|two|b|after|with the|(?:i|that i) (?:received|have|got|was)|(?:to|on) the (?:right|left))\b"),
    compiled(r"\b(?:overlay|overlaid|annotat(?:ion|ed)|visual (?:aid|hint|cue|guide)|helper|auxiliary|ground[- ]truth|gold)\b"),
    compiled(rf"\b(?:red|blue|green|yellow|{DRAWN}) (?:\w+ )?{LINE}\b(?<!as red arrows)"),
    compiled(rf"\b(?:arrows?|line) (?:\w+ ){{0,3}}?(?:indicates?|shows?|points?|leads?|goes|guides?|tells?|marks?|{DRAWN})\b"),
    compiled(r"\b(?:follow\w*|along|by|per|from) the (?:\w+ )?(?:arrows?|lines?|markings?)\b"),
    compiled(rf"\b(?:path|route|way|trajectory|trail|line|track|moves) (?:\w+ ){{0,2}}?(?:(?:is|are|was|has been|have been|it is"
             rf"|that is|which is) )?(?:already )?(?:{DRAWN}|(?:visible|seen|overlaid|given) in)\b"),
    compiled(r"\b(?:trail|trajectory)\b"),
    compiled(r"\b(?:suggested|recommended|reference|true|actual|target|gold|intended|expected|official|model) (?:path|route|way|walk|moves)\b"),
    compiled(r"\bas (?:\w+ly )?(?:listed|given|provided|supplied|drawn|depicted|marked|indicated|illustrated|highlighted|shown|displayed"
             r"|annotated|outlined|described|specified|traced|plotted|sketched|pictured|computed)\b"),
    compiled(r"\b(?:known|given) (?:correct |safe |right )?(?:path|route|way|walk)\b|\bkn[oe]w\w* the (?:correct|right|safe|best) (?:path|route|way|walk|moves)\b"),
    compiled(r"\b(?:way|path|route|walk|moves) (?:(?:was|were|is|are|has been|have been) )?(?:given|shown|told|handed|revealed|provided) to (?:me|us)\b"),
    compiled(rf"\b(?:{GIVEN}|correct|right|true|real|expected|intended|desired|target|reference|actual|final|stated) (?:\w+ )?"
             rf"(?:{ANSWER})\b(?! (?:follows|is [abc]\b))"),
    compiled(rf"\b{ANSWER} (?:\w+ ){{0,3}}?(?:(?:is|was|are|that|already|as|has been|i was|you) )+(?:\w+ )?"
             rf"(?:{GIVEN}|clear from|asked|what you|correct)\b"),
    compiled(rf"\bin front of me\b|\bthe (?:{ANSWER} )?key\b|\b(?:answer|solution) (?:key|sheet)\b|\blabel\b"),
    compiled(r"\bi (?:received|got)\b"),
    compiled(r"\b(?:hint\w*|reveal\w*|justif\w*|explanation|rationale|disclos\w*)\b"),
    compiled(r"(?<![\d(,-])-1\b(?!\d)|\bmatrix\b|\bnumeric\w*|\bencod\w*|\bencoded\b|\barray\b|\bascii\b"),
    compiled(r"\b(?:number|digit|value|letter|character|symbol|code)s? (?:\w+ ){0,5}?(?:is|are|mark|stand|mean|represent"
             r"|denote|indicate|[0-2]\b|[shfg]\b)"),
    compiled(r"\b(?:contains?|has|is|shows?) an? (?:0|1|2)\b"),
    compiled(r"\b(?:text(?:ual)?|written|verbal|supplied|provided) (?:\w+ )?(?:description|map|grid|board|rows?)\b"),
)  # fmt: skip
OF_PHOTOGRAPHS = (
    *OF_TEACHER,
    compiled(rf"\b(?:helper|helping|auxiliary|reference|extra|additional|hint|solution|answer|annotated|attached|provided"
             rf"|supplied|hidden|given(?! (?:this|these|the|that|my)\b)) (?:\w+ )?(?:{PICTURE}|photographs?)\b"),
    compiled(rf"\b(?:{PICTURE}|photographs?) (?:\w+ ){{0,2}}?(?:(?:that|which) )?(?:(?:i|we) (?:received|got)"
             r"|given to|for me|for my eyes)\b"),
    compiled(r"\b(?:ground[- ]truth|(?:answer|solution) (?:key|sheet)|i received)\b"),
    compiled(rf"\b(?:{GIVEN}) (?:\w+ )?(?:answer|solution|label|choice|verdict|conclusion)\b"),
    compiled(r"\b(?:answer|solution|right choice|correct choice) (?:\w+ ){0,2}?(?:is|was|has been|already) (?:\w+ )?"
             r"(?:given|known|provided|supplied|told|stated|specified)\b"),
    compiled(r"\bmeasure(?:s|d|ments?)?\b|\b(?:the|these|those) (?:numbers|figures|values) (?:above|given|shows?|says?|tells?|agrees?|confirms?)\b"
             r"|\bgr[ae]y (?:levels?|values?)\b|\blevels? of gr[ae]y\b|\bmean difference\b"),
)  # fmt: skip
"""Leaks where a puzzle shows several pictures and what they show was measured for the teacher."""
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
PLANNING_ONLY = (
    compiled(rf"\b(?:{GIVEN}|correct|reference|above|expected|optimal|best) (?:\w+ ){{0,2}}?(?:plan|moves|action sequence"
             r"|actions|sequence|commands|solution)\b"),
    compiled(rf"\b(?:{GIVEN}) (?:\w+ ){{0,2}}?{PLAN}\b"),
    compiled(rf"\b{PLAN} (?:\w+ ){{0,3}}?(?:(?:that )?(?:is|are|was|were|has been|have been|as|i was|already) )*(?:already )?"
             rf"{GIVEN}\b"),
    compiled(r"\b(?:according to|as per|per|following|follow|obeying|based on|matches|matching|from) (?:the|this|that) (?:action )?"
             r"(?:plan|sequence|solution|action sequence|list|moves)\b"),
    compiled(r"\bthe (?:action )?(?:plan|solution|sequence|list) (?:\w+ )?(?:says?|specif\w+|states?|tells?|indicat\w+|dictat\w+|calls?"
             r"|requires?|wants?|gives?|asks?|instructs?|shows?|continues?|lists?|suggests?|provid\w+|demands?)\b"),
    compiled(r"\bas per\b|\bin the prompt\b"),
    compiled(r"\bmoves are (?:already )?known\b|\b(?:plan|moves|way|path) (?:is|are) known\b"),
)  # fmt: skip
"""Leaks where the question states no plan; where it does, they are its own words."""


def leak_beside(sentence: str, num_images: int) -> str | None:
    """The words of a sentence that give away more than a question with so many pictures; of jigsaws and rooms."""
    unseen = rf"\b(?:{'|'.join(ORDINALS[num_images:])}) (?:{PICTURE})\b"
    for pattern in (compiled(unseen), *OF_PHOTOGRAPHS):
        if found := pattern.search(sentence):
            return found[0]
    return None


def leak_in(task: str, sentence: str) -> str | None:
    """The words of a sentence about a maze that give something away; None if there are none."""
    planning = task != vsp_reasoning.TASK
    for pattern in (*EVERYWHERE, CASED, *(PLANNING_ONLY if planning else ())):
        if found := pattern.search(sentence):
            return found[0]
    if IMAGINED.search(sentence) and not SOURCE.search(sentence):
        return None
    rest = INNOCENT.sub(" ", sentence)
    for pattern in (*SENSITIVE, *((SENSITIVE_PLANNING,) if planning else ())):
        if found := pattern.search(rest):
            return found[0]
    return None
