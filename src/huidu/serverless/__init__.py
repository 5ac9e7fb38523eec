"""The platform that the Serverless command line speaks with: runs of components."""
