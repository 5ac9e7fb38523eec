"""Instances that a program of somebody else keeps in: bubblewrap, or gVisor."""
