"""The oracle's words. Every template states facts that `assertions` reads back; `{...}` are filled from the trace.

`{square}` is the square moved to, `{way}` the direction, `{left}` and `{was}` the distance to the target in squares
after and before the move, `{offset}` where the target lies.
"""

from itertools import product

MOVE_WORDS = {"U": "up", "L": "left", "R": "right", "D": "down"}
OFFSETS = (("up", "down", "left", "right"), ("above", "below", "to the left", "to the right"))
"""Sides in two wordings: rows up, rows down, columns left, columns right."""

STEERED_LEADS = (
    "Moving {way} to {square}",
    "Going {way} to {square}",
    "Stepping {way} onto {square}",
    "Heading {way} to {square}",
    "Walking {way} to {square}",
    "Sliding {way} to {square}",
    "A step {way} to {square}",
    "One move {way} to {square}",
    "The move {way} to {square}",
    "The step {way} onto {square}",
    "I go {way} to {square}, which",
    "I move {way} to {square}, which",
    "I step {way} onto {square}, which",
    "I slide {way} to {square}, which",
    "The player goes {way} to {square}, which",
    "The player moves {way} to {square}, which",
)
PLAIN_LEADS = (
    "Moving to {square}",
    "Moving to {square}",
    "Moving on to {square}",
    "Stepping onto {square}",
    "Going to {square}",
    "The move to {square}",
    "The step onto {square}",
    "I move to {square}, which",
    "I step onto {square}, which",
    "I go to {square}, which",
    "The player moves to {square}, which",
    "The player steps onto {square}, which",
)
"""The published form: the square alone tells the move."""

NEARER = (
    "brings the target closer",
    "brings me closer to the target",
    "takes me closer to the target",
    "takes me one square nearer to the target",
    "keeps me safe and gets closer to the target",
    "shortens the distance to the target",
    "cuts the distance to the target to {left}",
    "reduces the distance to the target from {was} to {left}",
    "leaves the target {left} away",
    "leaves {left} to the target",
    "gets within {left} of the target",
    "keeps me safe, {left} from the target",
)
FARTHER = (
    "takes me further from the target",
    "leads away from the target",
    "moves me away from the target",
    "puts the target further away",
    "keeps me safe but takes me farther from the target",
    "widens the distance to the target",
    "increases the distance to the target to {left}",
    "increases the distance to the target from {was} to {left}",
    "leaves the target {left} away",
    "does not bring me closer to the target",
    "keeps me safe, {left} from the target",
)
ASIDE = (
    "leaves the target {left} away",
    "leaves {left} to the target",
    "keeps me safe, {left} from the target",
    "keeps me on safe ground, {left} from the target",
    "makes the distance to the target {left}",
)
"""Where a move leads away from the target along rows and columns, but nearer around the holes, or the reverse."""
RETURNING = (
    "brings me back to a square already visited",
    "returns to a square that I have already visited",
    "revisits this square, {left} from the target",
    "leads to a square visited before",
    "keeps me safe on a square already visited",
)
REACHING = (
    "reaches the target",
    "ends the walk at the target",
    "ensures success",
    "secures success",
    "makes success certain",
    "brings me to the target",
    "completes the way to the target",
    "ends the game with success, as the target is reached",
)
FALLING = (
    "ends the game in a hole",
    "ends the walk in a hole",
    "ends the game instantly in a hole",
    "drops the player into a hole",
    "lets me fall into a hole",
    "means a fall into the hole",
    'makes "fail in hole" certain',
    "lands in a hole and ends the game",
)
STEERED_BUMPS = (
    "Moving {way} runs into the edge of the board and leaves me on {square}.",
    "Going {way} is blocked by the edge, so I stay on {square}.",
    "The edge of the board stops the move {way}: the player stays on {square}.",
    "I try to go {way}, but the edge keeps me on {square}.",
    "A step {way} hits the edge of the map and leaves the player on {square}.",
    "Heading {way} changes nothing at the edge, so I remain on {square}.",
)
PLAIN_BUMPS = (
    "Moving to {square} changes nothing, because the edge of the board stops me.",
    "Moving to {square} keeps me on the same square, as the edge blocks the way.",
    "I stay on {square}, because the edge of the board blocks the move.",
    "The edge of the map keeps the player on {square}.",
    "I remain on {square}, held back by the edge.",
)
CLEAR_TAILS = (
    ", with no hole beside it",
    ", with no hole next to it",
    " and no hole touches it",
    "; no hole lies next to it",
    ", where no hole is adjacent to me",
)
HOLE_TAILS = (
    ", next to {holes}",
    ", just beside {holes}",
    ", adjacent to {holes}",
    ", although it touches {holes}",
)
MANY_HOLES_TAILS = (
    "; {number} holes lie next to it",
    ", with {number} holes beside it",
    " and {number} holes touch it",
)
JOINS = (("",), ("Next, ",), ("", "Then ", "Next, ", "After that, "))

OPENINGS = (
    "The player stands at {start} and must reach {goal}.",
    "I start from {start}; the target is at {goal}.",
    "I stand on {start} and want to get to {goal}.",
    "The way from {start} has to end at {goal}.",
    "The map shows the player at {start} and the target at {goal}.",
    "The player starts on {start}; {goal} lies {offset}.",
    "From {start}, the target {goal} lies {offset}.",
    "I am on {start}, and {goal} is {offset}.",
    "The start is {start}; the target {goal} lies {offset}.",
    "I start on {start}, {left} from the target {goal}.",
    "The player begins on {start}, and the distance to the target is {left}: {goal}.",
    "On this {size}x{size} board I start from {start}, and the target is {goal}.",
    "The {size}x{size} map shows the start {start} and the target {goal}.",
    "The map of {size} rows has its start at {start} and its target at {goal}.",
    "The start {start} and the target {goal} lie on a {size} by {size} map.",
    "The board holds {holes}; my way begins at {start} and has to end at {goal}.",
    "The map has {holes}; I start from {start} and must reach {goal}.",
    "With {holes} on the board, the player at {start} needs to get to {goal}.",
)
OUTCOME_OPENINGS = (
    "The plan has {moves} and starts at {start}.",
    "The plan of {moves} starts at {start}; the target is {goal}.",
    "I follow the plan from {start}.",
    "I start from {start}; the target lies {offset}.",
    "The player stands at {start}; the target {goal} lies {offset}.",
    "The target {goal} lies {offset}, seen from {start}.",
    "I start on {start}, {left} from the target.",
    "On this {size}x{size} map I start from {start}.",
    "The {size}x{size} board has {holes}, and I start from {start}.",
    "I count {holes} on the board; the player starts at {start}.",
    "The target is {goal}, and the player begins at {start}.",
    "The map has {holes}; the target is {goal}.",
)
HOLES_BESIDE_WAY = (
    "Beside the way I see {holes}.",
    "The way touches {holes}.",
    "Next to the path: {holes}.",
    "The route runs beside {holes}.",
    "Next to the way I find {holes}.",
)
MANY_BESIDE_WAY = (
    "The way touches {number}.",
    "{number} lie beside the way.",
    "{number} lie next to the path.",
    "The route touches {number}.",
)
NONE_BESIDE_WAY = (
    "No hole lies beside the way.",
    "The squares around the way are safe.",
    "The way touches no hole.",
    "There is no hole next to the path.",
)
LENGTHS = (
    "The way takes {moves}.",
    "The shortest way takes {moves}.",
    "The path has {moves}.",
    "A route of {moves} is there.",
)
CLOSINGS = (
    "The target is reached in {moves}.",
    "So the plan has {moves}.",
    "The plan succeeds.",
    "This way takes {moves}.",
    "So the target is reached.",
)
OUTCOME_CLOSINGS = {
    "G": (
        "So the plan reaches the target.",
        "The plan succeeds.",
        "The action plan is a success.",
        "So the target is reached.",
        "The plan ends at the target.",
        "Success is certain.",
    ),
    "H": (
        "So the plan ends in a hole.",
        "The player falls into a hole.",
        "The plan fails in a hole.",
        "So the player has fallen into a hole.",
        "The action plan ends in a hole.",
        "The target is not reached, as the player falls into a hole.",
    ),
    "SF": (
        "The player is safe, but the target is not reached.",
        "So the plan ends without reaching the target.",
        "All moves are made, and the target is {left} away.",
        "The plan stops short of the target.",
        "I stay safe, yet the plan never reaches the target.",
        "The plan ends {left} from the target.",
        "In the end the player is safe and {left} from the target.",
    ),
}
"""Tiles of the last square -> what came of the plan."""

CUES = tuple(
    f"{verb} {thing}."
    for verb, thing in product(
        ("Visualize", "Picture", "Envision", "Imagine", "Consider", "Think of", "Focus on", "Look at", "Let me picture",
         "I bring to mind", "Now I visualize"),
        ("the board gridlines", "the map from above", "the whole board", "the grid of squares", "the map layout",
         "the agent on the board", "the player's place on the map", "the full map", "the board geometry",
         "the rows and columns", "the picture of the board", "the ice and the holes"),
    )
)  # fmt: skip
ROUTE_CUES = tuple(
    f"{verb} {thing}."
    for verb, thing in product(
        ("Visualize", "Picture", "Envision", "Imagine", "Let me draw", "Let me picture", "I trace", "Now I sketch",
         "I draw in my mind"),
        ("the route on the map", "the safe path as an arrow", "the way across the ice", "the path on the board",
         "the line from start to target", "the arrows along the way", "the way on the grid", "the whole route",
         "the path from square to square", "the way as red arrows"),
    )
)  # fmt: skip
