"""How a model learns: encoding and collating rows, the stages on stock trainers."""

MODEL_FOLDER = "model"
METRICS_FILE = "metrics.jsonl"
