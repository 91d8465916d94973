"""The library of codecgrid: codecs, policies, detectors, training, scoring, metrics, reports. Never ray, never mlflow.

protocol + audio --import--> manifest --render--> audio shards --train--> checkpoint --score--> scores --measure--> EER
"""

__version__ = "0.1.0"
