"""The SSL frontend: the options of a self-supervised speech encoder of Hugging Face's transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from grid.core.errors import RequestError
from grid.core.weight_file import WeightFile
from grid.detectors.contract import FRONTENDS, Features, Frontend, PluginOptions
from grid.detectors.networks.ssl_shape import KNOWN, EncoderShape, encoder_files, find_shape, hub_file

if TYPE_CHECKING:
    from torch import nn

DEFAULT_MODEL = "facebook/wav2vec2-xls-r-300m"


class SslOptions(PluginOptions):
    """The defaults are the frozen XLS-R 300M of the CDD paper's detectors, its last layer, with unscaled input.

    The level of the input (RMS -20 dBFS there) belongs to the detector's `input`.
    """

    model: str = Field(default=DEFAULT_MODEL, pattern=r"^[\w.-]+/[\w.-]+$", description="repository on the hub")
    model_revision: str | None = Field(
        default=None, description="commit of the repository; null: the pinned one where we know one, else `main`"
    )
    configuration: dict[str, Any] | None = Field(
        default=None, description="the encoder's config.json; null: the repository's"
    )
    weights: str = Field(
        default="hub", description="`hub`, `random`, or a file below a weights folder: .safetensors, .bin or .pt"
    )
    weights_source: str | None = Field(default=None, description="for a file: where to get it, a URL or hub:OWNER/NAME")
    weights_sha256: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="for a file: its digest, which is what counts"
    )
    random_seed: int = Field(default=0, description="for random weights; the cell's seed does not move them")
    frozen: bool = Field(default=True, description="evaluation mode always and no gradients; false: fine-tuned")
    layers: Literal["last", "all"] | int = Field(
        default="last", description="the last hidden state, all of them, or one by number (0 = the input embedding)"
    )
    scaling: Literal["none", "zero-mean-unit-variance"] = Field(
        default="none", description="of each item, before the encoder; the latter is the hub's do_normalize"
    )
    mask: bool = Field(
        default=False, description="SpecAugment masks in training, as the configuration sets; not Whisper"
    )
    layerdrop: float | None = Field(
        default=None, ge=0, lt=1, description="chance that a layer is skipped in training; null: the configuration's"
    )
    dropout: float | None = Field(
        default=None, ge=0, lt=1, description="each dropout of the encoder in training; null: the configuration's"
    )
    gradient_checkpointing: bool = Field(
        default=False, description="compute the layers again for the gradients: less memory, more time"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="of the encoder's pass, whatever the recipe's; the features are float32"
    )
    item_by_item: bool = Field(
        default=False, description="one pass for each item: no bit depends on what else is in the batch"
    )

    @model_validator(mode="before")
    @classmethod
    def _pin_revision(cls, values: Any) -> Any:
        """Adds the pinned commit to the options, so that a cell's identity contains it."""
        if not isinstance(values, dict) or values.get("model_revision") is not None:
            return values
        known = KNOWN.get(str(values.get("model", DEFAULT_MODEL)))
        return values | {"model_revision": known.revision} if known else values

    @field_validator("layers", mode="before")
    @classmethod
    def _known_layers(cls, value: Any) -> Any:
        if value in ("last", "all") or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        raise RequestError(f"layers: {value!r} is none of: last, all, the number of a hidden state (0, 1, ...)")

    @model_validator(mode="after")
    def _choices_agree(self) -> Self:
        if self.weights in ("hub", "random"):
            if self.weights_source or self.weights_sha256:
                raise RequestError(f"weights: {self.weights} takes no weights_source and no weights_sha256")
        elif self.weights_sha256 is None:
            raise RequestError(f"weights: {self.weights!r} is a file, so give its weights_sha256 (or use hub, random)")
        elif self.weights.startswith("/") or ".." in self.weights.split("/"):
            raise RequestError(f"weights: {self.weights!r} must be a path below a weights folder")
        only_trained = {
            "mask": self.mask,
            "layerdrop": self.layerdrop is not None,
            "dropout": self.dropout is not None,
            "gradient_checkpointing": self.gradient_checkpointing,
        }
        without_effect = [name for name, chosen in only_trained.items() if chosen]
        if self.frozen and without_effect:
            raise RequestError(
                f"{', '.join(without_effect)}: does nothing to a frozen encoder; leave it out or set frozen: false"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omits `dropout` where it is not set: the option was added later, and older cells keep their identity."""
        values: dict[str, Any] = write(self)
        if self.dropout is None:
            values.pop("dropout", None)
        return values


@FRONTENDS.register("ssl")
class Ssl(Frontend[SslOptions]):
    """Baevski et al. 2020, "wav2vec 2.0"; Babu et al. 2022, "XLS-R"; and encoders with the same structure.

    So are w2v-BERT 2.0 and the encoder of Whisper, which hear filter banks: `grid.detectors.networks.ssl_input`.
    """

    Options = SslOptions
    revision = 1

    @property
    def shape(self) -> EncoderShape:
        """The encoder's layers and their size, without torch or network."""
        return find_shape(self.options.model, self.options.model_revision, self.options.configuration)

    @property
    def features(self) -> Features:
        """Frames of one hidden state, or the layers `(layers + 1, batch, frames, size)` of all."""
        shape, chosen = self.shape, self.options.layers
        if chosen == "all":
            return Features("layers", size=shape.size, layers=shape.layers + 1)
        if isinstance(chosen, int) and chosen > shape.layers:
            raise RequestError(f"layers: {chosen}: {self.options.model} has the hidden states 0 to {shape.layers}")
        return Features("frames", size=shape.size)

    @property
    def shared_pass(self) -> dict[str, Any] | None:
        """All options of a frozen encoder but `layers`, which `select` of the module applies; None if fine-tuned."""
        if not self.options.frozen:
            return None
        return {"frontend": "ssl", "revision": self.revision, **self.options.model_dump(exclude={"layers"})}

    @property
    def trained_encoder(self) -> str | None:
        """The encoder's repository where it is fine-tuned."""
        return None if self.options.frozen else self.options.model

    def weights(self) -> list[list[WeightFile]]:
        """The encoder's configuration, unless it is an option, and its weights, unless they are random."""
        options = self.options
        choices = encoder_files(
            options.model,
            options.model_revision,
            options.weights,
            source=options.weights_source,
            sha256=options.weights_sha256,
        )
        needed = [choices] if choices else []
        if options.configuration is None:
            needed.insert(0, [hub_file(options.model, options.model_revision, "config.json")])
        return needed

    def build(self) -> nn.Module:
        """The encoder with its weights; the state of torch's generators is restored.

        Raises MissingRequirementError when configuration or weights are neither on this machine nor downloadable.
        """
        from grid.detectors.networks.ssl_encoder import SslEncoder
        from grid.detectors.networks.ssl_loading import EncoderRequest, load_encoder

        options = self.options
        request = EncoderRequest(
            model=options.model,
            model_revision=options.model_revision,
            configuration=options.configuration,
            weights=options.weights,
            weights_source=options.weights_source,
            weights_sha256=options.weights_sha256,
            random_seed=options.random_seed,
            mask=options.mask,
            layerdrop=options.layerdrop,
            dropout=options.dropout,
        )
        return SslEncoder(
            load_encoder(request, self.shape),
            name=options.model,
            frozen=options.frozen,
            layers=options.layers,
            scaling=options.scaling,
            mask=options.mask,
            gradient_checkpointing=options.gradient_checkpointing,
            precision=options.precision,
            item_by_item=options.item_by_item,
        )
