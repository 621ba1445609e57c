"""The HTTP service: pictures, videos and keypoint sequences in; keypoints, actions and reps out."""
