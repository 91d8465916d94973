"""Checks that every name in an experiment file exists; an error names the line and the choices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from grid.attacks import ATTACKS
from grid.codecs.catalogue import load_catalogue
from grid.config.experiment import Experiment
from grid.config.recipe import Recipe
from grid.config.recipe_choice import ChangedRecipe, changed, chosen_recipe
from grid.config.yaml_file import KeyPath, YamlFile, parse, read_yaml
from grid.core.errors import RequestError, unknown_name
from grid.core.plugins import PluginNames
from grid.core.vocabulary import OWN_ATTACKS
from grid.detectors.spec import DetectorSpec, load_detector_spec, parse_detector_spec
from grid.experiment.value_axes import Variant, variants_of
from grid.policies import POLICIES

PAPER_TABLES = PluginNames("grid.report.papers", "codecgrid.tables")


def check_names(experiment: Experiment, file: YamlFile) -> None:
    """Raises RequestError for an unknown codec, policy, attack, detector, recipe or table, before a corpus is read."""
    variants = variants_of(experiment, file)
    detectors_of(experiment, variants, file)
    _check_banks(experiment, variants, file)
    _check_corpora_of_evaluations(experiment, file)
    catalogue = load_catalogue()
    for i, selection in enumerate(experiment.grid.selections):
        for j, codec in enumerate(selection.codecs):
            catalogue.get(codec, where=file.where("grid", "selections", i, "codecs", j))
    for i, codec in enumerate(experiment.evaluation_codecs):
        catalogue.get(codec, where=file.where("evaluation_codecs", i))
    for i, policy in enumerate(experiment.grid.policies):
        where = file.where("grid", "policies", i)
        labelling = POLICIES.get(policy.label, where=where)
        try:
            labelling.target("both", policy.target)
        except RequestError as error:
            raise RequestError(f"{where}: {error}") from error
    _check_artefacts(experiment, file)
    _check_encoding(experiment, file)
    for codec in experiment.designs:
        catalogue.get(codec, where=file.where("designs", codec))
    for i, attack in enumerate(experiment.attacks):
        for j, codec in enumerate(attack.codecs(())):
            catalogue.get(codec, where=file.where("attacks", i, "through", j))
        if attack.name not in (choices := [OWN_ATTACKS, *ATTACKS.names()]):
            raise unknown_name("attack", attack.name, choices, where=file.where("attacks", i))
    _check_filters(experiment, file)
    _check_report(experiment, file)


def _check_report(experiment: Experiment, file: YamlFile) -> None:
    """Checks that every paper table exists, and that every experiment to compare with is another experiment."""
    for i, name in enumerate(experiment.report):
        if name not in PAPER_TABLES.modules():
            raise unknown_name("paper table", name, PAPER_TABLES.modules(), where=file.where("report", i))
    for i, path in enumerate(experiment.compare):
        where = file.where("compare", i)
        try:
            other = parse(Experiment, read_yaml(experiment.folder / path))
        except RequestError as error:
            raise RequestError(f"{where}: {error}") from error
        if other.name == experiment.name:
            raise RequestError(f"{where}: {path} is experiment {other.name!r} as well; give one of them another name")


def recipes_of(experiment: Experiment, variants: Sequence[Variant], file: YamlFile) -> dict[str, Recipe]:
    """The recipe of each variant of a detector, by the name of the variant."""
    recipes = {}
    for variant in variants:
        place = _place_of_recipe(experiment, variant.detector)
        choice = experiment.recipes.get(variant.detector, experiment.recipe)
        recipes[variant.name] = chosen_recipe(choice, file, place, beside=experiment.folder)
        if variant.recipe:
            more = ChangedRecipe.model_validate({"base": choice.base, **changed(choice.changes, variant.recipe)})
            with _explained(file, variant):
                recipes[variant.name] = chosen_recipe(more, file, place, beside=experiment.folder)
    return recipes


def detectors_of(experiment: Experiment, variants: Sequence[Variant], file: YamlFile) -> dict[str, DetectorSpec]:
    """The specification of each variant, by its name; RequestError, with the line, for one that does not exist."""
    specs = {}
    for variant in variants:
        place = experiment.grid.detectors.index(variant.detector)
        try:
            specs[variant.name] = load_detector_spec(variant.detector, experiment.folder / "detectors")
        except RequestError as error:
            raise RequestError(f"{file.where('grid', 'detectors', place)}: {error}") from error
        if variant.spec:
            values = changed(specs[variant.name].model_dump(), variant.spec)
            with _explained(file, variant):
                specs[variant.name] = parse_detector_spec(values, f"detector {variant.detector}")
    return specs


@contextmanager
def _explained(file: YamlFile, variant: Variant) -> Iterator[None]:
    """An error of a value that an axis gave names the axes and the variant."""
    try:
        yield
    except RequestError as error:
        raise RequestError(f"{file.where('grid', 'axes')}: {variant.name}: {error}") from error


def _place_of_recipe(experiment: Experiment, detector: str) -> KeyPath:
    return ("recipes", detector) if detector in experiment.recipes else ("recipe",)


def _check_banks(experiment: Experiment, variants: Sequence[Variant], file: YamlFile) -> None:
    """Checks that the experiment names a corpus of impulse responses or noises where a recipe draws from one."""
    banks = {"impulse_responses": experiment.impulse_responses, "noises": experiment.noises}
    recipes = recipes_of(experiment, variants, file)
    for variant in variants:
        for field, kind in recipes[variant.name].banks.items():
            if banks[field] is None:
                name = experiment.recipes.get(variant.detector, experiment.recipe).name
                raise RequestError(
                    f"{file.where(*_place_of_recipe(experiment, variant.detector))}: recipe {name!r} augments by "
                    f"{kind!r}, and the experiment names no {field}; give it a corpus: `{field}: {{name: rirs-noises, "
                    f"reader: rirs, path: RIRS_NOISES, options: {{kind: {kind}}}}}`"
                )


def _check_corpora_of_evaluations(experiment: Experiment, file: YamlFile) -> None:
    names = [source.name for source in experiment.corpora]
    for name, choice in experiment.evaluations.items():
        for i, corpus in enumerate(choice.corpora or ()):
            if corpus not in names:
                raise unknown_name("corpus", corpus, names, where=file.where("evaluations", name, "corpora", i))


def _check_artefacts(experiment: Experiment, file: YamlFile) -> None:
    choice, names = experiment.artefacts, [source.name for source in experiment.corpora]
    if choice is None:
        return
    for codec in sorted(set(choice.codecs or ()) - set(experiment.codec_names())):
        where = file.where("artefacts", "codecs")
        raise RequestError(
            f"{where}: artefacts names {codec!r}, which is no codec of a selection or of evaluation_codecs"
        )
    for i, corpus in enumerate(choice.corpora or ()):
        if corpus not in names:
            raise unknown_name("corpus", corpus, names, where=file.where("artefacts", "corpora", i))


def _check_encoding(experiment: Experiment, file: YamlFile) -> None:
    asked = experiment.encoding_shortcut.codecs if experiment.encoding_shortcut is not None else None
    for i, codec in enumerate(asked or ()):
        if codec not in (choices := experiment.codec_names()):
            raise unknown_name("codec", codec, choices, where=file.where("encoding_shortcut", "codecs", i))


def _check_filters(experiment: Experiment, file: YamlFile) -> None:
    axes = experiment.grid
    choices_of: dict[str, list[str]] = {
        "selections": [s.name for s in axes.selections],
        "policies": [p.name for p in axes.policies],
        "detectors": list(axes.detectors),
        "seeds": [str(seed) for seed in axes.seeds],
    }
    for i, rule in enumerate(axes.exclude):
        for axis, choices in choices_of.items():
            for value in getattr(rule, axis) or ():
                if str(value) not in choices:
                    where = file.where("grid", "exclude", i, axis)
                    raise unknown_name(axis, value, choices, where=where)
