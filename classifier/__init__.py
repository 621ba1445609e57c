import keypoints  # noqa: F401  first of all: it keeps onnxruntime from reporting
