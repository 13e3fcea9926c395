"""Sentences of the SAT oracle. Ahead of the helper image nothing says which choice is right."""

MARKED = (
    "The {name} near the mark {mark} is about {distance} meters away.",
    "I see the {name} near the mark {mark}, about {distance} meters away.",
    "From here, the {name} at the mark {mark} is about {distance} meters away.",
    "The question is about the {name} near the mark {mark}, which is about {distance} meters from me.",
)

# goal aim
AIM_CUES = (
    "Let me imagine the view once I face it.",
    "Let me picture what I would see when facing it.",
    "I picture the view in which I am facing it.",
    "Let me imagine how the room looks when I face it.",
)
AIM_TURNED = (
    "After turning {side} by about {angle} degrees, it is in the middle of the view.",
    "In that view it is in the middle, and I have turned {side} by about {angle} degrees.",
    "It is straight ahead once I have turned {side} by about {angle} degrees.",
    "There it is in the middle of the view, and the camera has rotated {side} by about {angle} degrees.",
)
AIM_STRAIGHT = (
    "That view is the one I have, without any turn, and it is in the middle of the view.",
    "It is straight ahead without any turn.",
    "There it is in the middle of the view, and no turn was needed.",
)
AIM_CLOSINGS = (
    "So I should turn {side} by {angle} degrees.",
    "Therefore I have to turn {side} by {angle} degrees.",
    "To face it, I turn {side} by {angle} degrees.",
)
AIM_STRAIGHT_CLOSINGS = ("So I should look straight.", "Therefore I look straight.", "To face it, I look straight.")
COMES = ("The {name} has come into view.", "Now the {name} can be seen too.", "The {name} is in view there.")
LEAVES = ("The {name} is out of view there.", "The {name} has left the view.", "The {name} is no longer in view.")

# action consequence
TURN_CUES = (
    "Let me imagine the view after I turn {side} by {angle} degrees.",
    "Let me picture what I see after turning {side} by {angle} degrees.",
    "I picture the view after I have turned {side} by {angle} degrees.",
)
STRAIGHT_CUES = (
    "Let me imagine the view as I look straight.",
    "Let me picture what is before me when I look straight.",
    "I picture the view as I look straight.",
)
STEP_CUES = (
    "Let me imagine the view after I turn {side} by {angle} degrees and move forward by {step} meters.",
    "Let me picture what I see after turning {side} by {angle} degrees and moving forward by {step} meters.",
    "I picture the view after I have turned {side} by {angle} degrees and moved forward by {step} meters.",
)
THERE = (
    "In that view it is {where}.",
    "There it is {where}.",
    "Then it is {where}.",
    "In the imagined view it is {where}.",
)
GONE = ("It is out of view.", "It is no longer in view.", "It has left the view.")
FACING_AWAY = (
    "So yes, I will be facing away from it.",
    "Therefore the answer is yes, I am facing away from it.",
    "So the answer is yes.",
)
NOT_FACING_AWAY = (
    "So no, I will not be facing away from it.",
    "Therefore the answer is no, I am not facing away from it.",
    "So the answer is no.",
)
DISTANCES = (
    "There it is {where}, about {now} meters away, which is {change} than before.",
    "In that view it is {where}, about {now} meters away, so it is {change}.",
    "Then it is about {now} meters away, {where}, so it has got {change}.",
    "In the imagined view it is {where}, and it is {change}, about {now} meters away.",
)
YES_NO_CLOSINGS = (
    "So {answer}, it gets {change}.",
    "Therefore the answer is {answer}, as it moves {change}.",
    "It gets {change}, so the answer is {answer}.",
)

# perspective
WALK_CUES = (
    "Let me imagine the view from the X after I have turned {side}.",
    "Let me picture what someone at the X sees after turning {side}.",
    "I picture the view from the X, turned {side}.",
)
FROM_MARK = (
    "From the X it is {where}.",
    "In that view it is {where}.",
    "There it is {where}.",
    "In the imagined view it is {where}.",
)
FAR_THERE = ("From the X it is about {distance} meters away.", "There it is about {distance} meters away.")
SIDE_CLOSINGS = (
    "So the {name} is on the {side}.",
    "Therefore the {name} is to the {side}.",
    "So it is on the {side}.",
)
CHANGE_CLOSINGS = (
    "So the {name} gets {change}.",
    "Therefore it gets {change}.",
    "So it is {change} than before.",
)

# two pictures
FIRST = (
    "In the first image the {name} is {place}.",
    "The first image shows the {name} {place}.",
    "At first the {name} is {place}.",
)
CAMERA_STILL = ("The camera did not move between the images.", "The camera stayed where it was.")
CAMERA_TURNS = (
    "Between the images the camera turned {side} by about {angle} degrees.",
    "The camera rotated {side} by about {angle} degrees.",
)
CAMERA_STEPS = (
    "Between the images the camera turned {side} by about {angle} degrees and moved forward by about {step} meters.",
    "The camera rotated {side} by about {angle} degrees and moved forward by about {step} meters.",
)
UNMOVED_CUES = (
    "Let me imagine the second image as if nothing had been moved.",
    "Let me picture the view of the second image with every object in its old place.",
    "I imagine what the second image would show if no object had been moved.",
)
DIFFERS = (
    "In that view it is {place}, but in the second image it is {second}.",
    "There it would be {place}, while the second image shows it {second}.",
    "In the imagined view it is {place}, whereas in the second image it is {second}.",
)
STAYS = (
    "In that view the {name} is {place}, and the second image shows it in the same place.",
    "There the {name} is {place}, just where the second image shows it.",
    "In the imagined view the {name} is {place}, and it has stayed in its place.",
)
MOVED_CLOSINGS = (
    "So the {name} was moved {side} and {depth} the camera.",
    "Therefore the {name} has been moved {side} and {depth} the camera.",
    "So it was moved {side} and {depth} the camera.",
)
STAYS_CLOSINGS = ("So no objects moved.", "Therefore no objects moved.", "So nothing was moved.")
HALFWAY_CUES = (
    "Let me imagine the view half of the way between the two images.",
    "Let me picture what the camera saw halfway between the two images.",
    "I imagine the moment halfway between the two images.",
)
SLIDES = (
    "Halfway the {name} is {where}, and in the second image it is {second}, so it slides to the {side}.",
    "In that view the {name} is {where}, and in the second image it is {second}, so it drifts to the {side}.",
    "Halfway the {name} is {where}, and the second image shows it {second}, so it shifts to the {side}.",
)
RESTS = (
    "Halfway the {name} is {where}, and in the second image it is still {second}.",
    "In that view the {name} is {where}, and the second image shows it {second} as well.",
)
NEARER_SECOND = (
    "In the second image it is closer.",
    "In the second image the {name} is also nearer.",
)
HALF_TURN = (
    "Halfway the camera has turned {side} by about {angle} degrees.",
    "In that view the camera has rotated {side} by about {angle} degrees.",
)
ROTATION_CLOSINGS = (
    "So the camera rotated {side}.",
    "Therefore the camera rotated {side}.",
    "So it was the camera that rotated {side}.",
)
STEP_CLOSINGS = (
    "So the camera rotated {side} and moved forward.",
    "Therefore the camera rotated {side} and moved forward.",
)
STILL_CLOSINGS = ("So the camera did not move.", "Therefore the camera did not move.")
