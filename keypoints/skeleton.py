"""The only home of joint names, limbs and left/right pairs: the 17 keypoints of COCO.

Order and names: Lin et al., "Microsoft COCO: Common Objects in Context" (2014), the keypoint task.
"""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

COUNT: Final = len(NAMES)

INDEX: Final = {name: i for i, name in enumerate(NAMES)}

NOSE, L_EYE, R_EYE, L_EAR, R_EAR = range(5)
L_SHOULDER, R_SHOULDER, L_ELBOW, R_ELBOW, L_WRIST, R_WRIST = range(5, 11)
L_HIP, R_HIP, L_KNEE, R_KNEE, L_ANKLE, R_ANKLE = range(11, 17)

FACE: Final = (NOSE, L_EYE, R_EYE, L_EAR, R_EAR)

#: Pairs of joints that a skeleton drawing connects.
LIMBS: Final = (
    (L_SHOULDER, R_SHOULDER), (L_HIP, R_HIP), (L_SHOULDER, L_HIP), (R_SHOULDER, R_HIP),
    (L_SHOULDER, L_ELBOW), (L_ELBOW, L_WRIST), (R_SHOULDER, R_ELBOW), (R_ELBOW, R_WRIST),
    (L_HIP, L_KNEE), (L_KNEE, L_ANKLE), (R_HIP, R_KNEE), (R_KNEE, R_ANKLE),
    (NOSE, L_EYE), (NOSE, R_EYE), (L_EYE, L_EAR), (R_EYE, R_EAR),
)  # fmt: skip

#: MIRROR[i] is the joint that joint i becomes when the picture is mirrored.
MIRROR: Final = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)

#: Joint angles as (end, vertex, end): the angle at the middle joint, 180° when straight.
ANGLES: Final = {
    "left_elbow": (L_SHOULDER, L_ELBOW, L_WRIST),
    "right_elbow": (R_SHOULDER, R_ELBOW, R_WRIST),
    "left_shoulder": (L_HIP, L_SHOULDER, L_ELBOW),
    "right_shoulder": (R_HIP, R_SHOULDER, R_ELBOW),
    "left_hip": (L_SHOULDER, L_HIP, L_KNEE),
    "right_hip": (R_SHOULDER, R_HIP, R_KNEE),
    "left_knee": (L_HIP, L_KNEE, L_ANKLE),
    "right_knee": (R_HIP, R_KNEE, R_ANKLE),
}  # fmt: skip
