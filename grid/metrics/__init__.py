"""The metrics of a detector, on arrays alone: EER, DET points, minDCF, bootstrap intervals, tests and linear models.

Bona fide is the positive class: the higher the score, the more bona fide. Error rates are fractions (0 to 1).
"""
