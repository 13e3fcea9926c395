"""How a model learns: encoding and collating rows, the stages on stock trainers."""
