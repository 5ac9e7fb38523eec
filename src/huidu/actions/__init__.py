"""What the platform can be asked to do: every request, answer and refusal, declared once."""
