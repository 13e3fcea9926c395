"""Planning thoughts as a vision-language model would put them, true and false ones, written before the reader of such.

Rows and columns count from 0, as the teacher is asked to count. A false one has at least one thing that is not so.
"""

from mirage_core.puzzles.vsp import Board
from mirage_core.teacher import Explanation

A = Board(("SFH", "HFF", "FFG"))  # RDRD
B = Board(("SFFH", "FHFF", "FHHF", "FFFG"))  # RRDRDD or DDDRRR
C = Board(("FFFG", "FHFF", "SFFH", "FFHF"))  # UURRR
D = Board(("FFHFF", "FSFFF", "HFHFF", "FFFGF", "FFFHF"))  # DDRR
E = Board(("GFFFHF", "FHFFFF", "FFFHFF", "FFFSFF", "HFFFFF", "FFFFFH"))  # LUUULL
F = Board(("FHG", "FFF", "SFH"))  # URRU

TRUE = [
    (A, "RDRD", "The player starts in the top-left corner and the goal is in the bottom-right corner. There is a hole at (0,2), so I cannot go along the top row. Let me picture the way.", "Move right once, then down, then right again, and finally down to reach the goal."),
    (A, "RDRD", "I start at row 0, column 0 and need to get to row 2, column 2. Holes are at row 0, column 2 and row 1, column 0. Visualize the path.", "I go right to (0,1), down to (1,1), right to (1,2) and down to (2,2), which is the goal."),
    (A, "RDRD", "Below the start there is a hole, so the first step has to be to the right. Picture the route on the map.", "Right, down, right, down. That avoids both holes and ends on the goal."),
    (A, "RDRD", "The goal lies two rows below and two columns to the right of the start. Let me trace the path.", "Going right avoids the hole below. Then down, because the next square to the right is a hole. Then right and down to the goal."),
    (A, "RDRD", "It is a 3x3 map with 2 holes. Imagine the way.", "First, move right. Second, move down. Third, move right. Fourth, move down. The goal is reached in 4 moves."),
    (A, "RDRD", "The hole at (1,0) blocks the way down, so I begin with a step to the right. Picture it.", "1. Right to (0,1).\n2. Down to (1,1).\n3. Right to (1,2).\n4. Down to (2,2)."),
    (A, "RDRD", "The start is at the top left and the target at the bottom right. Let me draw the route.", "Moving right brings me to (0,1). From there I move down to (1,1), then right to (1,2), then down to the target at (2,2)."),
    (B, "RRDRDD", "Starting at the top-left corner, I see a hole at row 1, column 1 and one at row 0, column 3. Let me visualize the path.", "Starting at the top-left corner, move right twice to avoid the hole at row 1, column 1. Then go down once, right once, and down twice to reach the goal."),
    (B, "RRDRDD", "The goal is in the bottom-right corner, three rows down and three columns to the right. Picture the way around the holes.", "Go two squares to the right, one square down, one square to the right, and then two squares down."),
    (B, "RRDRDD", "There are 4 holes on the board, and I have to walk around them. Visualize the route.", "I move right two times, then down, then right, then down two times, ending at the goal without touching a hole."),
    (B, "DDDRRR", "The left column is free of holes. Let me picture this way.", "Head straight down three times to the bottom row, then move right three times to the goal."),
    (B, "DDDRRR", "The first column and the last row are safe all the way. I imagine the path.", "Walk down three squares along the left edge, and then right three squares along the bottom edge until the goal is reached."),
    (B, "DDDRRR", "The holes at (1,1), (2,1) and (2,2) block the middle. Picture a way around them.", "Down, down, down, then right, right, right to the goal at (3,3)."),
    (B, "DDDRRR", "I start at (0,0) and the goal is at (3,3). Let me sketch the way.", "D, D, D, R, R, R: this keeps to the left column and the bottom row, where there are no holes."),
    (B, "RRDRDD", "The goal is at row 3, column 3. Draw the way in your mind.", "From (0,0), I move right to (0,1) and right again to (0,2). Then down to (1,2), right to (1,3), down to (2,3) and down to (3,3)."),
    (B, "RRDRDD", "A hole at (0,3) ends the top row. Picture the detour.", "(0,0) -> (0,1) -> (0,2) -> (1,2) -> (1,3) -> (2,3) -> (3,3)"),
    (B, "DDDRRR", "The whole left column is ice. Let me see the way before me.", "Since the left column is clear, I slide down to (1,0), (2,0) and (3,0). The bottom row is clear too, so I continue right to (3,1), (3,2) and (3,3)."),
    (C, "UURRR", "I am at row 2, column 0, and the goal is in the top right corner. Let me picture the path.", "Go up twice to the top row, then right three times to the goal in the corner."),
    (C, "UURRR", "The goal is 2 rows above and 3 columns to the right. Visualize the way.", "Moving up two squares takes me to the top-left corner; from there, three moves right reach the goal."),
    (C, "UURRR", "There is a hole at (1,1) and another at (2,3). I imagine the route.", "Up, up, right, right, right. The top row has no holes."),
    (C, "UURRR", "Three holes lie on this map: (1,1), (2,3) and (3,2). Picture the way.", "I first move up to (1,0), then up to (0,0), and follow the top row right to (0,1), right to (0,2) and right to (0,3)."),
    (C, "UURRR", "The top row contains no hole. Let me draw it.", "To stay away from the hole at row 1, column 1, I go up along the left edge: up, up. Then I go right, right, right along the top edge."),
    (C, "UURRR", "The player stands at (2,0). Picture the safe way.", "Step 1: Up. Step 2: Up. Step 3: Right. Step 4: Right. Step 5: Right. This reaches the goal."),
    (C, "UURRR", "The start is on the left edge. Let me look at the way.", "We can move upward two times and then to the right three times, safely reaching the goal."),
    (D, "DDRR", "The player is at (1,1), and the goal is at (3,3), two rows down and two columns to the right. Let me trace it.", "Move down twice to (3,1), then move right twice to (3,3), where the goal is."),
    (D, "DDRR", "There are holes at (2,0) and (2,2) on both sides of the way. Visualize the corridor.", "I walk down between the holes: down to (2,1), with holes on the left and on the right, and down to (3,1). Then right to (3,2) and right to the goal."),
    (D, "DDRR", "Row 3 has no holes. Picture the way along it.", "Down, down, right, right."),
    (D, "DDRR", "A hole at (2,2) blocks the diagonal. Imagine going around.", "By moving down two steps I pass the holes in row 2, and moving right two steps along row 3 brings me to the goal."),
    (D, "DDRR", "The 5x5 board has 4 holes. Let me imagine the way.", "First go down 2 squares, and then go right 2 squares to reach the goal."),
    (D, "DDRR", "The goal lies below and to the right. Picture the line.", "Heading down to row 2, column 1, then down to row 3, column 1, then right to row 3, column 2, and finally right to row 3, column 3, I reach the goal."),
    (D, "DDRR", "I start at row 1, column 1. Visualize the path.", "Down → Down → Right → Right leads safely to the goal."),
    (E, "LUUULL", "The player stands near the middle, at (3,3), and the goal is in the top-left corner. Picture the way.", "There is a hole directly above the player, so I step left first. Then I move up three times to the top row and left two times to the goal."),
    (E, "LUUULL", "A hole lies right above the start. Let me draw a way around it.", "Move left to avoid the hole above. Move up three squares. Then move left two squares to reach the goal at (0,0)."),
    (E, "LUUULL", "The goal is three rows up and three columns to the left. Imagine the way.", "Left, up, up, up, left, left."),
    (E, "LUUULL", "Five holes lie on the board, one of them at (2,3). Picture the route.", "I go left to (3,2), up to (2,2), up to (1,2) and up to (0,2); then left to (0,1) and left to (0,0), the goal."),
    (E, "LUUULL", "The goal is in the upper left corner. Let me visualize it.", "One step west avoids the hole to the north. Three steps north lead to the top edge, and two steps west lead to the goal."),
    (E, "LUUULL", "The hole at (1,1) has to be avoided. I picture the map.", "Starting from (3,3), going left once, up three times, and left twice avoids every hole and reaches (0,0)."),
    (F, "URRU", "I start in the bottom-left corner and the goal is in the top-right corner. Visualize the way.", "Go up one square, right two squares, and up one square. The middle row is free of holes."),
    (F, "URRU", "There is a hole at (0,1) and one at (2,2). Let me picture the middle row.", "Up to the middle row, then right twice, then up to the goal."),
    (F, "URRU", "The player begins at row 2, column 0. Imagine the way.", "I move up to avoid the hole at (2,2), move right twice through the middle row, and then move up to the goal."),
    (F, "URRU", "The middle row is all ice. Draw the path.", "Moving up, I get to (1,0). Moving right, I get to (1,1). Moving right again, I get to (1,2). Moving up, I get to the goal."),
    (F, "URRU", "The goal is two rows up and two columns right of the start. Picture it.", "The plan is to move UP, RIGHT, RIGHT, UP, which keeps clear of the holes."),
    (F, "URRU", "The board has 2 holes. Visualize the safe squares.", "Instead of going right along the bottom row, where a hole waits at (2,2), I go up first. After that I go right two times and up once."),
    (F, "URRU", "The start is at the bottom left. Let me look at the middle row.", "U, R, R, U reaches the goal in four moves."),
]  # fmt: skip

FALSE = [
    (A, "RDRD", "The player starts in the top-right corner and the goal is in the bottom-right corner. Let me picture the way.", "Move right once, then down, then right again, and finally down to reach the goal."),
    (A, "RDRD", "I start at row 0, column 0. Holes are at row 0, column 2 and row 1, column 1. Visualize the path.", "I go right to (0,1), down to (1,1), right to (1,2) and down to (2,2), which is the goal."),
    (A, "RDRD", "Below the start there is a hole, so the first step has to be to the right. Picture the route on the map.", "Right, down, down, right. That avoids both holes and ends on the goal."),
    (A, "RDRD", "The goal lies two rows below and one column to the right of the start. Let me trace the path.", "Right, down, right, down."),
    (A, "RDRD", "It is a 3x3 map with 3 holes. Imagine the way.", "First, move right. Second, move down. Third, move right. Fourth, move down."),
    (A, "RDRD", "The hole at (1,0) blocks the way down. Picture it.", "1. Right to (0,1).\n2. Down to (1,1).\n3. Down to (2,1).\n4. Right to (2,2)."),
    (A, "RDRD", "The hole at (1,2) blocks the way. Let me draw the route.", "Moving right brings me to (0,1). From there I move down to (1,1), then right to (1,2), then down to the target at (2,2)."),
    (B, "RRDRDD", "I see a hole at row 1, column 2. Let me visualize the path.", "Move right twice. Then go down once, right once, and down twice to reach the goal."),
    (B, "RRDRDD", "The goal is in the bottom-right corner. Picture the way around the holes.", "Go three squares to the right, one square down, and then two squares down."),
    (B, "RRDRDD", "There are 5 holes on the board, and I have to walk around them. Visualize the route.", "I move right two times, then down, then right, then down two times, ending at the goal."),
    (B, "DDDRRR", "The left column is free of holes. Let me picture this way.", "Head straight down twice to the bottom row, then move right three times to the goal."),
    (B, "DDDRRR", "The second column is safe all the way down. I imagine the path.", "There is no hole in column 1. Walk down three squares, and then right three squares until the goal is reached."),
    (B, "DDDRRR", "The holes at (1,1), (2,1) and (3,2) block the middle. Picture a way around them.", "Down, down, down, then right, right, right to the goal at (3,3)."),
    (B, "DDDRRR", "I start at (0,0) and the goal is at (3,2). Let me sketch the way.", "D, D, D, R, R, R."),
    (B, "RRDRDD", "The goal is at row 3, column 3. Draw the way in your mind.", "From (0,0), I move right to (0,1) and right again to (0,2). Then down to (1,2), right to (1,3), down to (2,3) and right to (3,3)."),
    (B, "RRDRDD", "A hole at (0,3) ends the top row. Picture the detour.", "(0,0) -> (0,1) -> (0,2) -> (1,2) -> (2,2) -> (2,3) -> (3,3)"),
    (B, "DDDRRR", "The whole left column is ice. Let me see the way before me.", "I slide down to (1,0), (2,0) and (3,0), and then I fall into a hole at (3,1)."),
    (C, "UURRR", "I am at row 2, column 0, and the goal is in the top left corner. Let me picture the path.", "Go up twice to the top row, then right three times to the goal in the corner."),
    (C, "UURRR", "The goal is 3 rows above and 3 columns to the right. Visualize the way.", "Moving up two squares takes me to the top-left corner; from there, three moves right reach the goal."),
    (C, "UURRR", "There is a hole at (1,1) and another at (2,2). I imagine the route.", "Up, up, right, right, right."),
    (C, "UURRR", "Three holes lie on this map: (1,1), (2,3) and (3,2). Picture the way.", "I first move up to (1,0), then up to (0,0), and follow the top row right to (0,1) and right to (0,3)."),
    (C, "UURRR", "The top row contains no hole. Let me draw it.", "I go up, up. Then I go right, right, right, and the player falls into a hole."),
    (C, "UURRR", "The player stands at (2,0). Picture the safe way.", "Step 1: Up. Step 2: Up. Step 3: Right. Step 4: Right. Step 5: Up. This reaches the goal."),
    (C, "UURRR", "The start is in the bottom-left corner. Let me look at the way.", "We can move upward two times and then to the right three times, safely reaching the goal."),
    (D, "DDRR", "The player is at (1,1), and the goal is at (3,3). Let me trace it.", "Move down twice to (3,1), then move right twice to (3,4)."),
    (D, "DDRR", "There are holes at (2,0) and (2,3). Visualize the corridor.", "Down to (2,1), and down to (3,1). Then right to (3,2) and right to the goal."),
    (D, "DDRR", "Row 2 has no holes. Picture the way along it.", "Down, down, right, right."),
    (D, "DDRR", "A hole at (2,2) blocks the diagonal. Imagine going around.", "By moving right two steps I pass the holes, and moving down two steps brings me to the goal."),
    (D, "DDRR", "The 4x4 board has 4 holes. Let me imagine the way.", "First go down 2 squares, and then go right 2 squares to reach the goal."),
    (D, "DDRR", "The goal lies above and to the right. Picture the line.", "Heading down to row 2, column 1, then down to row 3, column 1, then right to row 3, column 2, and finally right to row 3, column 3, I reach the goal."),
    (D, "DDRR", "I start at row 1, column 1. Visualize the path.", "Down → Down → Right → Right → Right leads safely to the goal."),
    (E, "LUUULL", "The player stands at (3,3), and the goal is in the top-left corner. Picture the way.", "There is a hole directly below the player, so I step left first. Then I move up three times to the top row and left two times to the goal."),
    (E, "LUUULL", "A hole lies right above the start. Let me draw a way around it.", "Move right to avoid the hole above. Move up three squares. Then move left two squares to reach the goal at (0,0)."),
    (E, "LUUULL", "The goal is three rows up and three columns to the left. Imagine the way.", "Left, up, up, left, left."),
    (E, "LUUULL", "Five holes lie on the board, one of them at (2,2). Picture the route.", "I go left to (3,2), up to (2,2), up to (1,2) and up to (0,2); then left to (0,1) and left to (0,0), the goal."),
    (E, "LUUULL", "The goal is in the upper left corner. Let me visualize it.", "One step east avoids the hole to the north. Three steps north lead to the top edge, and two steps west lead to the goal."),
    (E, "LUUULL", "The hole at (1,2) has to be avoided. I picture the map.", "Starting from (3,3), going left once, up three times, and left twice avoids every hole and reaches (0,0)."),
    (F, "URRU", "I start in the bottom-left corner and the goal is in the top-right corner. Visualize the way.", "Go up one square, right two squares, and up one square. The bottom row is free of holes."),
    (F, "URRU", "There is a hole at (0,1) and one at (2,1). Let me picture the middle row.", "Up to the middle row, then right twice, then up to the goal."),
    (F, "URRU", "The player begins at row 2, column 0. Imagine the way.", "I move up to avoid the hole at (2,2), move right once through the middle row, and then move up to the goal."),
    (F, "URRU", "The middle row is all ice. Draw the path.", "Moving up, I get to (1,0). Moving right, I get to (1,1). Moving up, I get to the goal."),
    (F, "URRU", "The goal is two rows up and two columns right of the start. Picture it.", "The plan is to move UP, UP, RIGHT, RIGHT, which keeps clear of the holes."),
    (F, "URRU", "The board has 2 holes. Visualize the safe squares.", "I go right two times and up twice."),
    (F, "URRU", "The start is at the bottom left. Let me look at the middle row.", "U, R, R, U reaches the goal in five moves."),
]  # fmt: skip


def thoughts(told: list[tuple[Board, str, str, str]]) -> list[tuple[Board, str, Explanation]]:
    return [(board, ",".join(plan), Explanation(before, after)) for board, plan, before, after in told]


# a second list, written when the reader was done and held against it once before anything was changed
LATER_TRUE = [
    (A, "RDRD", "Looking at the maze, the elf is in the upper left corner at [(0,0),Start] and must get to [(2,2),Target]. Let me imagine the safe way.", "I first go right to [(0,1),Ice] since [(1,0),Hole] is right below the start. Then I go down to [(1,1),Ice], because [(0,2),Hole] lies ahead. Next, I go right to [(1,2),Ice], and finally I go down to [(2,2),Target]."),
    (A, "RDRD", "The holes at [(0,2),Hole] and [(1,0),Hole] leave only one way through the middle. Let me trace it on the map.", "Right to [(0,1),Ice] stays clear of [(1,0),Hole]. Down to [(1,1),Ice] reaches the centre. Right to [(1,2),Ice] brings me next to the target. Down to [(2,2),Target] finishes it."),
    (B, "DDDRRR", "I begin at [(0,0),Start], and my target is [(3,3),Target] in the far corner. Picture the way along the edges.", "Moving down to [(1,0),Ice] gets me closer. Moving down to [(2,0),Ice] avoids the hole at [(1,1),Hole]. Moving down to [(3,0),Ice] brings me to the bottom row. Moving right to [(3,1),Ice], [(3,2),Ice] and then [(3,3),Target] completes the way."),
    (B, "RRDRDD", "The top row is open until column 3, where there is a hole. Imagine turning before it.", "I take two steps to the right, reaching (0,2). I take one step down to (1,2) and one step right to (1,3). From there, two steps down bring me to the goal at (3,3)."),
    (B, "RRDRDD", "Holes fill much of the middle of this map. Let me picture the open squares.", "To begin, I move right to column 1 and then right to column 2. I then move down, right, down, and down, arriving at the target."),
    (C, "UURRR", "My position is [(2,0),Start]; the target [(0,3),Target] is in the upper right corner. Let me see the way in my mind.", "Up to [(1,0),Ice], up to [(0,0),Ice], right to [(0,1),Ice], right to [(0,2),Ice], right to [(0,3),Target]."),
    (C, "UURRR", "A hole sits at (1,1), so the middle is closed. Let me look along the edges.", "I climb up to (1,0) and again up to (0,0), then slide right through (0,1) and (0,2) to the goal at (0,3)."),
    (C, "UURRR", "The target is up and to the right of me. Visualize the top row.", "Walking north twice puts me on the top row, and walking east three times puts me on the target."),
    (D, "DDRR", "I am in the upper left part of the board, with holes on both sides further down. Let me imagine the gap between them.", "One move down takes me to [(2,1),Ice], between [(2,0),Hole] and [(2,2),Hole]. Another move down takes me to [(3,1),Ice]. A move right to [(3,2),Ice] and one more right to [(3,3),Target] end the walk."),
    (D, "DDRR", "The target is two rows down and two columns right. Draw the way on the ice.", "I must not go right first and then down, as [(2,2),Hole] is in the way. So I go down to [(2,1),Ice], down to [(3,1),Ice], right to [(3,2),Ice] and right to [(3,3),Target]."),
    (E, "LUUULL", "The hole at [(2,3),Hole] is just above the start. Imagine a way around it.", "I sidestep to the left to [(3,2),Ice]. Then I go up to [(2,2),Ice], up to [(1,2),Ice], and up to [(0,2),Ice]. Then I go left to [(0,1),Ice] and left to [(0,0),Target]."),
    (E, "LUUULL", "The target is far away in the top left corner. Let me trace the way there.", "I move left by one, up by three, and left by two."),
    (F, "URRU", "The start is [(2,0),Start] and the target is [(0,2),Target]. Let me visualize the middle row.", "I go up to [(1,0),Ice]; this is safe. I go right to [(1,1),Ice], passing below [(0,1),Hole]. I go right to [(1,2),Ice], right above [(2,2),Hole]. I go up to [(0,2),Target]."),
    (F, "URRU", "The middle row is safe from end to end. Picture a walk through it.", "First up, then two to the right, and then up again."),
    (F, "URRU", "Both corners on the other diagonal... one is the start, one is the goal. Let me think of the path.", "Moving up from [(2,0),Start] to [(1,0),Ice], I keep away from the holes. Then moving right from [(1,0),Ice] to [(1,1),Ice] and from [(1,1),Ice] to [(1,2),Ice], I come below the target. Finally, moving up from [(1,2),Ice] to [(0,2),Target], I am done."),
]  # fmt: skip
LATER_FALSE = [
    (A, "RDRD", "The elf is in the lower left corner. Let me imagine the safe way.", "I first go right to [(0,1),Ice]. Then I go down to [(1,1),Ice]. Next, I go right to [(1,2),Ice], and finally I go down to [(2,2),Target]."),
    (A, "RDRD", "The holes at [(0,2),Hole] and [(1,1),Hole] leave only one way. Let me trace it on the map.", "Right to [(0,1),Ice]. Down to [(1,1),Ice]. Right to [(1,2),Ice]. Down to [(2,2),Target]."),
    (B, "DDDRRR", "I begin at [(0,0),Start], and my target is [(3,3),Target]. Picture the way along the edges.", "Moving down to [(1,0),Ice], [(2,0),Ice] and [(3,0),Ice], and then moving right to [(3,2),Ice] and [(3,3),Target]."),
    (B, "RRDRDD", "The top row is free of holes. Imagine the way.", "I take two steps to the right, reaching (0,2). I take one step down to (1,2) and one step right to (1,3). From there, two steps down bring me to the goal at (3,3)."),
    (B, "RRDRDD", "Holes fill much of the middle of this map. Let me picture the open squares.", "I move right, right, down, right, and down, arriving at the target."),
    (C, "UURRR", "My position is [(2,0),Start]; the target [(0,3),Target] is in the upper left corner. Let me see the way in my mind.", "Up to [(1,0),Ice], up to [(0,0),Ice], right to [(0,1),Ice], right to [(0,2),Ice], right to [(0,3),Target]."),
    (C, "UURRR", "A hole sits at (1,2), so the middle is closed. Let me look along the edges.", "I climb up to (1,0) and again up to (0,0), then slide right through (0,1) and (0,2) to the goal at (0,3)."),
    (C, "UURRR", "The target is down and to the right of me. Visualize the top row.", "Walking north twice puts me on the top row, and walking east three times puts me on the target."),
    (D, "DDRR", "Let me imagine the gap between the holes.", "One move down takes me to [(2,1),Ice], between [(2,0),Hole] and [(2,2),Hole]. Another move down takes me to [(3,1),Ice], which falls into a hole. A move right to [(3,2),Ice] and one more right to [(3,3),Target] end the walk."),
    (D, "DDRR", "The target is three rows down and two columns right. Draw the way on the ice.", "I go down to [(2,1),Ice], down to [(3,1),Ice], right to [(3,2),Ice] and right to [(3,3),Target]."),
    (E, "LUUULL", "The hole at [(2,3),Hole] is just below the start. Imagine a way around it.", "I go left to [(3,2),Ice]. Then I go up to [(2,2),Ice], up to [(1,2),Ice], and up to [(0,2),Ice]. Then I go left to [(0,1),Ice] and left to [(0,0),Target]."),
    (E, "LUUULL", "The target is far away in the top left corner. Let me trace the way there.", "I move left by two, up by three, and left by one."),
    (F, "URRU", "The start is [(2,0),Start] and the target is [(0,2),Target]. Let me visualize the middle row.", "I go up to [(1,0),Ice]; this is safe. I go right to [(1,1),Ice], passing above [(0,1),Hole]. I go right to [(1,2),Ice], right above [(2,2),Hole]. I go up to [(0,2),Target]."),
    (F, "URRU", "The middle row has two holes in it. Picture a walk through it.", "First up, then two to the right, and then up again."),
    (F, "URRU", "Let me think of the path.", "I move up to [(1,0),Ice], right to [(1,1),Ice], which is farther from the target, right to [(1,2),Ice] and up to [(0,2),Target]."),
]  # fmt: skip

# a third list, written when the second was read and held against the reader once before anything was changed
LAST_TRUE = [
    (A, "RDRD", "The start [(0,0),Start] has a hole under it at [(1,0),Hole]. Let me imagine stepping around it.", "I step right to [(0,1),Ice] to get away from the hole. I step down to [(1,1),Ice], the middle of the board. I step right to [(1,2),Ice], just above the target. I step down to [(2,2),Target] and I am there."),
    (A, "RDRD", "There are two holes, and the way between them is a staircase. Picture the staircase.", "Right, then down, then right, then down."),
    (B, "RRDRDD", "I start from [(0,0),Start] in the top left corner and have to reach [(3,3),Target]. Let me draw the way on the map.", "Going right to [(0,1),Ice] is safe. Going right to [(0,2),Ice] is as far as I can go, because [(0,3),Hole] comes next. Going down to [(1,2),Ice] avoids it. Going right to [(1,3),Ice] avoids [(2,2),Hole] below. Going down to [(2,3),Ice] brings the target near. Going down to [(3,3),Target] reaches it."),
    (B, "DDDRRR", "Row 3 and column 0 are free of holes. Visualize walking along them.", "I slide down to [(1,0),Ice], [(2,0),Ice] and [(3,0),Ice]. Then I slide right to [(3,1),Ice], [(3,2),Ice] and [(3,3),Target]."),
    (C, "UURRR", "I begin at [(2,0),Start]. [(1,1),Hole] is in the way of a direct walk. Trace the edge in your mind.", "First I move up to [(1,0),Ice], with [(1,1),Hole] to my right. Then I move up to [(0,0),Ice]. Now three moves to the right remain: [(0,1),Ice], [(0,2),Ice] and [(0,3),Target]."),
    (C, "UURRR", "The target is in the top row. Let me picture going up first.", "Up one, up one more, and then right along the top row for three squares."),
    (D, "DDRR", "I need to get from [(1,1),Start] to [(3,3),Target]. Picture the way down and then across.", "Down to [(2,1),Ice]. Down again to [(3,1),Ice]. Across to the right to [(3,2),Ice]. Right once more to [(3,3),Target]."),
    (D, "DDRR", "Between the holes of row 2 there is a gap at column 1. Imagine passing it.", "Moving down through the gap to (2,1) and on to (3,1), I then turn right and pass (3,2) to get to (3,3)."),
    (E, "LUUULL", "The shortest way up is blocked by [(2,3),Hole]. Let me picture another column.", "Stepping left to [(3,2),Ice] gets me out from under [(2,3),Hole]. Stepping up to [(2,2),Ice] passes it. Stepping up to [(1,2),Ice] leaves [(1,1),Hole] on my left. Stepping up to [(0,2),Ice] takes me to the top edge. Stepping left to [(0,1),Ice] and left to [(0,0),Target] finishes the walk."),
    (F, "URRU", "Start and target are in opposite corners. Visualize the row between them.", "I move up to [(1,0),Ice], because going right would put me next to a hole. I move right to [(1,1),Ice] and right to [(1,2),Ice], and then up to [(0,2),Target]."),
]  # fmt: skip
LAST_FALSE = [
    (A, "RDRD", "The start [(0,0),Start] has a hole to its right at [(1,0),Hole]. Let me imagine stepping around it.", "I step right to [(0,1),Ice]. I step down to [(1,1),Ice]. I step right to [(1,2),Ice]. I step down to [(2,2),Target]."),
    (A, "RDRD", "There are three holes, and the way between them is a staircase. Picture the staircase.", "Right, then down, then right, then down."),
    (B, "RRDRDD", "I start from [(0,0),Start] in the top left corner. Let me draw the way on the map.", "Going right to [(0,1),Ice] is safe. Going right to [(0,2),Ice] is as far as I can go, because [(0,3),Ice] comes next. Going down to [(1,2),Ice]. Going right to [(1,3),Ice]. Going down to [(2,3),Ice]. Going down to [(3,3),Target]."),
    (B, "DDDRRR", "Row 3 and column 1 are free of holes. Visualize walking along them.", "I slide down to [(1,0),Ice], [(2,0),Ice] and [(3,0),Ice]. Then I slide right to [(3,1),Ice], [(3,2),Ice] and [(3,3),Target]."),
    (C, "UURRR", "I begin at [(2,0),Start]. Trace the edge in your mind.", "First I move up to [(1,0),Ice], with [(1,1),Hole] to my left. Then I move up to [(0,0),Ice], right to [(0,1),Ice], right to [(0,2),Ice] and right to [(0,3),Target]."),
    (C, "UURRR", "The target is in the bottom row. Let me picture going up first.", "Up twice, and then right three times."),
    (D, "DDRR", "I need to get from [(1,1),Start] to [(3,3),Target]. Picture the way down and then across.", "Down to [(2,1),Ice]. Right to [(2,2),Ice]. Down to [(3,2),Ice]. Right once more to [(3,3),Target]."),
    (D, "DDRR", "Between the holes of row 2 there is a gap at column 1. Imagine passing it.", "Moving down twice takes me farther from the target. Then I move right twice."),
    (E, "LUUULL", "The shortest way up is blocked by [(2,3),Hole]. Let me picture another column.", "Stepping left to [(3,2),Ice]. Stepping up to [(2,2),Ice] passes it. Stepping up to [(1,2),Ice] leaves [(1,1),Hole] on my right. Stepping up to [(0,2),Ice]. Stepping left to [(0,1),Ice] and left to [(0,0),Target]."),
    (F, "URRU", "Start and target are in the same corner. Visualize the row between them.", "I move up to [(1,0),Ice], right to [(1,1),Ice], right to [(1,2),Ice], and then down to [(0,2),Target]."),
]  # fmt: skip
