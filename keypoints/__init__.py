import os

# The published builds of onnxruntime report their use to their maker unless they are told not to before they begin.
# Whoever exercises in front of a camera is told that nothing leaves the machine.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
