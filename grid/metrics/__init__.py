"""Owns the numbers a detector is judged by: EER, DET points, minDCF and their bootstrap intervals.

Bona fide is the positive class: the higher the score, the more bona fide. Error rates are fractions (0 to 1).
"""
