"""Scored utterances to numbers: trials by condition, EER and minDCF with intervals, differences from the baseline."""
