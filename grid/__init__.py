"""The library of codecgrid. It never imports ray or mlflow: those are the business of `cluster`.

The path of the data, each stage a folder, from what a corpus publishes to what a paper prints:

    corpus ──> resynthesis ──> training ──> scoring ──> measuring ──> analysis ──> report
    protocol   CoRS in         weights      scores      EER, minDCF   effects,     tables, figures,
    + audio    shards          per cell     per cell    intervals     tests        one HTML page

A module imports from its own floor or a lower one, never from a higher one, and no two modules import each other
(`tests/test_layers.py` reads this list and holds every import to it):

    run_cell        one cell: train -> score -> measure
    verification    a store -> what is damaged in it, and what to delete
    report          answers -> tables, figures, pages
    analysis        scores -> answers: results, significance, effects, artefacts, shortcuts, MOS
    measuring       scores -> trials -> EER, minDCF, intervals
    training        fits cells, alone or around one encoder
    scoring         trained cells -> scores of utterances
    inputs          utterances -> crops and augmented batches
    experiment      an experiment file -> renditions and cells, checked
    codec_training  trains the small codecs of the controlled family
    cells           one training as a job: its identity, state, baseline and gang
    resynthesis     a corpus through a codec or an attack, in shards
    corpus          protocols and audio -> manifests, and their audit
    detectors       frontends, backends, their networks and weights
    codecs          the catalogue, one adapter a family, isolated environments
    config          the YAML files as models
    policies        how resynthesised speech is labelled in training
    attacks         stand-ins for speech generation
    mos             predictors of the mean opinion score
    metrics         arrays -> numbers: EER, intervals, tests, models
    core            errors, identity, records, the store, plug-ins, words: nothing of speech
"""

__version__ = "0.1.0"
