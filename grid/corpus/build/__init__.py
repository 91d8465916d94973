"""Builders of the protocols of corpora that are derived from others: CDD, and parallel CoSG sets."""
