"""The end-to-end pipeline: data, training, compression, evaluation, export and publishing, each stage done once."""
