"""Detector inputs: utterances of renditions, cropped, augmented and stacked into batches."""
