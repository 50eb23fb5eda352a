"""Kills, full disks, runs at once and damaged files: does every run end with the same results?"""
