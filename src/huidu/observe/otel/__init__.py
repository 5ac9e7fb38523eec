"""What happened, told to a collector of OpenTelemetry's."""
