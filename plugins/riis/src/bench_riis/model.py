"""The RIIS network: main flow f_θ, conditional flow CANP, and container enhancement CEM, with all their variants.

Shapes: secrets N×3K×H×W, host and container N×3×H×W, all in [0, 1]; latent and noise N×(3·4^L·K)×H/2^L×W/2^L, where
the squeeze applies the Haar transform L times (1 in the paper), and H and W are multiples of 2^L. `told` is the
condition vector d, N×3 (bench_riis.modulation); networks without modulation do not look at it. Where host and secret
have other channels than 3 (bench_riis.color), these stand for the 3s above.
RIIS: "Robust Invertible Image Steganography", CVPR 2022.
"""

from copy import deepcopy
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from bench_core.nn.invertible import haar, inverse_haar
from bench_riis.architecture import NetworkConfig
from bench_riis.blocks import AffineCoupling, Flow, FlowStep, Modulation
from bench_riis.modulation import ENTRIES, Trunk
from bench_riis.parts import CEM, ConditionExtractor, LatentPredictor


class Revealed(NamedTuple):
    """What the receiver gets: secrets N×3K×H×W, host N×3×H×W and the enhanced container, none of them clipped."""

    secret: Tensor
    host: Tensor
    enhanced: Tensor


class RiisNetwork(nn.Module):
    """Hides `n_secrets` pictures in one host and reveals them; shapes and ranges as in the module's text.

    With `config.decoupled` it holds a second flow, CANP and G for the way back, which `decouple` splits off from the
    first (two-stage decoupled tuning); until then both ways share one.
    """

    decoupling: Tensor

    def __init__(
        self, config: NetworkConfig, n_secrets: int = 1, host_channels: int = 3, secret_channels: int = 3
    ) -> None:
        super().__init__()
        if not 1 <= n_secrets <= 5:
            raise ValueError(f"n_secrets must be 1 to 5, not {n_secrets}")
        self.config = config
        self.n_secrets = n_secrets
        self.host_size = host_channels * 4**config.levels
        self.latent_size = secret_channels * n_secrets * 4**config.levels
        modulation = (config.dgm_width, config.dgm_site) if config.dgm else None
        # The main flow starts as the identity: a fresh network sends the host itself.
        self.flow = self._main_flow(modulation)
        if config.source == "canp":
            self.condition = ConditionExtractor(config, self.host_size)
            self.canp = self._canp(modulation)
        if config.source == "resblock":
            self.predictor = LatentPredictor(
                self.host_size, self.latent_size, config.condition_channels, config.source_blocks
            )
        self.cem = CEM(config.cem_depth, config.cem_channels, host_channels) if config.cem else None
        # Last, so that what is drawn for the other layers does not depend on it.
        self.trunk = Trunk(config.dgm_width) if config.dgm else None
        self.shared = ("flow", "condition", "canp") if config.source == "canp" else ("flow",)
        self.reverse: nn.ModuleDict | None = None
        if config.decoupled:
            self.reverse = nn.ModuleDict({part: deepcopy(getattr(self, part)) for part in self.shared})
            # A buffer, so that it is saved.
            self.register_buffer("decoupling", torch.tensor(False))

    def _main_flow(self, modulation: Modulation | None) -> Flow:
        c = self.config
        return Flow(
            [
                FlowStep(
                    AffineCoupling(
                        self.latent_size, self.host_size, c.flow_growth, c.flow_convs, c.activation, c.clamp,
                        modulation=modulation,
                    ),
                    mixed_start=False,
                )
                for _ in range(c.flow_steps)
            ]
        )  # fmt: skip

    def _canp(self, modulation: Modulation | None) -> Flow:
        c, half = self.config, self.latent_size // 2
        return Flow(
            [
                FlowStep(
                    AffineCoupling(
                        half, self.latent_size - half, c.canp_growth, c.canp_convs, c.activation, c.clamp,
                        c.condition_channels, modulation,
                    ),
                    mixed_start=True,
                )
                for _ in range(c.canp_steps)
            ]
        )  # fmt: skip

    # ---- the sender

    def hide(self, secret: Tensor, host: Tensor, told: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The container (unrounded, unclipped) and the latent that is dropped."""
        levels = self.config.levels
        mixed = self.flow(torch.cat((haar(secret, levels), haar(host, levels)), dim=1), None, self._embed(told, host))
        latent, container = self._split(mixed[0])
        return inverse_haar(container, levels), latent

    def whiten(self, latent: Tensor, container: Tensor, told: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Training only: z = CANP(latent; G(container)), and CANP's log-determinant (N,).

        A network that draws its latent without CANP (`gauss`) has z = latent.

        Raises:
            ValueError: for a network whose latent is not drawn.
        """
        if self.config.source == "gauss":
            return latent, latent.new_zeros(len(latent))
        if self.config.source != "canp":
            raise ValueError(f"hf_source={self.config.source} has no density")
        z, log_det = self.canp(latent, self.condition(self._squeeze(container)), self._embed(told, container))
        return z, log_det

    # ---- the receiver

    def enhance(self, received: Tensor) -> Tensor:
        """CEM, or nothing where the network has none."""
        return received if self.cem is None else self.cem(received)

    def guess_latent(self, noise: Tensor, enhanced: Tensor, told: Tensor | None = None) -> Tensor:
        """The receiver's latent: CANP⁻¹(noise; G(enhanced container)), or what `hf_source` says."""
        source, squeezed = self.config.source, self._squeeze(enhanced)
        if source == "canp":
            condition = self._receiver("condition")(squeezed)
            return cast(Flow, self._receiver("canp")).inverse(noise, condition, self._embed(told, enhanced))
        if source == "gauss":
            return noise
        if source == "copy":
            return squeezed.repeat(1, self.latent_size // self.host_size, 1, 1)
        predicted: Tensor = self.predictor(squeezed)
        return predicted.to(enhanced)

    def reveal(self, received: Tensor, noise: Tensor, told: Tensor | None = None) -> Revealed:
        """Secrets and host from the received container and z̃ ~ N(0, T²I) of the latent's shape."""
        enhanced = self.enhance(received)
        return self.reveal_with(self.guess_latent(noise, enhanced, told), enhanced, told)

    def reveal_with(self, latent: Tensor, enhanced: Tensor, told: Tensor | None = None) -> Revealed:
        """Secrets and host from a given latent and enhanced container: until decoupling, the inverse of `hide`."""
        levels = self.config.levels
        mixed = torch.cat((latent, self._squeeze(enhanced)), dim=1)
        back = cast(Flow, self._receiver("flow")).inverse(mixed, None, self._embed(told, enhanced))
        secret, host = self._split(back)
        return Revealed(inverse_haar(secret, levels), inverse_haar(host, levels), enhanced)

    def noise_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """The shape of one picture's latent."""
        return self.latent_size, height // self.config.multiple, width // self.config.multiple

    # ---- two-stage decoupled tuning

    @property
    def is_decoupled(self) -> bool:
        """Whether the way back has left the way forth."""
        return self.reverse is not None and bool(self.decoupling)

    @torch.no_grad()
    def decouple(self, optimizer: Any = None) -> None:
        """Begin the second stage: copy flow, CANP and G into their reverse, with the optimizer's state of each.

        A network that was decoupled before keeps what its reverse has learned.

        Raises:
            ValueError: for a network without reverse copies.
        """
        if self.reverse is None:
            raise ValueError("this network holds no reverse copies; build it with decoupled=True")
        if self.is_decoupled:
            return
        for part, copy in self.reverse.items():
            copy.load_state_dict(getattr(self, part).state_dict())
        if optimizer is not None:
            for original, copied in self.pairs():
                if original in optimizer.state:
                    optimizer.state[copied] = deepcopy(optimizer.state[original])
        self.decoupling.fill_(True)

    def pairs(self) -> list[tuple[nn.Parameter, nn.Parameter]]:
        """Each parameter of the way forth that has a copy on the way back, and that."""
        reverse = {} if self.reverse is None else dict(self.reverse.items())
        return [
            pair
            for part, copy in reverse.items()
            for pair in zip(getattr(self, part).parameters(), copy.parameters(), strict=True)
        ]

    # ---- parts

    def _receiver(self, part: str) -> nn.Module:
        found = self.reverse[part] if self.reverse is not None and self.is_decoupled else getattr(self, part)
        return cast(nn.Module, found)

    def _squeeze(self, pictures: Tensor) -> Tensor:
        return haar(pictures, self.config.levels)

    def _embed(self, told: Tensor | None, like: Tensor) -> Tensor | None:
        if self.trunk is None:
            return None
        d = like.new_zeros(len(like), ENTRIES) if told is None else told.to(like)
        embedding: Tensor = self.trunk(d)
        return embedding

    def _split(self, u: Tensor) -> tuple[Tensor, Tensor]:
        secret, host = torch.split(u, [self.latent_size, self.host_size], dim=1)
        return secret, host
