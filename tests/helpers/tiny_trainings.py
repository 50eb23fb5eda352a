"""Options of trainings that end in a moment."""

BILM = {
    "char_cnn": {
        "embedding": {"dim": 4},
        "filters": [[1, 8], [2, 8]],
        "max_characters_per_token": 12,
        "n_characters": 261,
    },
    "lstm": {"dim": 16, "projection_dim": 8, "n_layers": 2, "cell_clip": 3, "proj_clip": 3},
    "n_negative_samples_batch": 16,
    "batch_size": 4,
    "unroll_steps": 5,
    "n_epochs": 1,
}
