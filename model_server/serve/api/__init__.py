"""The domain API under /api/v1: predictions, models, evaluations, comparisons, validations and mixture rules."""
