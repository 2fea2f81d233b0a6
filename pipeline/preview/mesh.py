"""Which of the 478 points of MediaPipe's face mesh lie where. Left and right are the picture's."""

UPPER_LIP_INSIDE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_LIP_INSIDE = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_LIP_OUTSIDE = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_LIP_OUTSIDE = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
LEFT_CORNER, RIGHT_CORNER = 61, 291
UPPER_LIP_CENTER, LOWER_LIP_CENTER = 13, 14

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
    150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
SIDES = (234, 454, 127, 356)
"""The edge of the face, from which depth counts."""

LEFT_EYE = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133))
RIGHT_EYE = ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263))
EYES = (LEFT_EYE, RIGHT_EYE)
"""Each the upper and the lower lid, from the picture's left to its right."""
BROWS = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
CHEEKS = (50, 280, 205, 425)
BETWEEN_BROWS, MIDDLE_OF_NOSE = 9, 195
LEFT_INNER_EYE, RIGHT_INNER_EYE = 133, 362
SKIN = (
    1, 2, 4, 5, 6, 168, 98, 327, 195, 197, 129, 358, 50, 280, 205, 425, 187, 411, 207, 427, 216, 436, 206, 426,
    212, 432, 202, 422, 199, 200, 175, 18, 83, 313, 32, 262, 208, 428, 9, 8, 151,
)  # fmt: skip
"""Points all over nose, cheeks, forehead and chin, which hold the skin between the moving parts."""
