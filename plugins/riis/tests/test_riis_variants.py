"""The variants of the network: squeezes, modulation (RIIS*), decoupled tuning, sources of the latent, no CEM."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bench_core.model import Stage
from bench_core.nn.invertible import haar
from bench_riis.architecture import NetworkConfig, as_dict, network_config
from bench_riis.config import load_preset
from bench_riis.model import RiisNetwork
from bench_riis.modulation import Head, Trunk, condition_vector

Warm = Callable[[RiisNetwork], RiisNetwork]
Jitter = Callable[[nn.Module, float], None]

# Specification, section 8: with modulation, and with two copies of flow, CANP and G; 1 to 5 secrets.
COUNTS = {
    "small": (
        (518_763, 685_659, 859_467, 1_040_187, 1_227_819),
        (980_563, 1_304_851, 1_642_963, 1_994_899, 2_360_659),
    ),
    "paper": (
        (9_793_331, 11_207_075, 12_642_707, 14_100_227, 15_579_635),
        (18_901_827, 21_660_675, 24_463_299, 27_309_699, 30_199_875),
    ),
}


def size(module: nn.Module | None) -> int:
    return 0 if module is None else sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("preset", COUNTS)
def test_parameter_counts_of_modulation_and_decoupling(preset: str) -> None:
    config = replace(load_preset(preset)[0], dgm=True, decoupled=True)
    modulated, decoupled = [], []
    for n in range(1, 6):
        with torch.device("meta"):
            network = RiisNetwork(config, n)
        modulated.append(size(network) - size(network.reverse))
        decoupled.append(size(network) - sum(size(m) for m in network.modules() if isinstance(m, (Head, Trunk))))
    assert (tuple(modulated), tuple(decoupled)) == COUNTS[preset]


@pytest.mark.parametrize(("squeeze", "channels", "side"), [("none", 3, 16), ("haar2", 48, 4), ("haar3", 192, 2)])
def test_deeper_squeezes_start_as_the_identity_and_invert(
    tiny: NetworkConfig, warmed: Warm, jitter: Jitter, squeeze: str, channels: int, side: int
) -> None:
    network = RiisNetwork(replace(tiny, squeeze=squeeze), 2)
    secret, host = torch.rand(1, 6, 16, 16), torch.rand(1, 3, 16, 16)
    container, latent = network.hide(secret, host)
    assert (container - host).abs().max() < 2e-6
    assert latent.shape == (1, 2 * channels, side, side) == (1, *network.noise_shape(16, 16))
    assert (latent - haar(secret, network.config.levels)).abs().max() < 2e-6

    jitter(warmed(network), 0.01)
    with torch.no_grad():
        container, latent = network.hide(secret, host)
        z, _ = network.whiten(latent, container)
        found = network.reveal_with(network.guess_latent(z, container), container)
    assert (found.secret - secret).abs().max() < 1e-4
    assert (found.host - host).abs().max() < 1e-4


def test_weights_of_before_are_those_of_a_network_without_the_new_keys(tiny: NetworkConfig) -> None:
    old = {key: value for key, value in as_dict(tiny).items() if key in as_dict(load_preset("small")[0])}
    for key in ("squeeze", "canp", "cem", "hf_source", "source_blocks", "dgm", "dgm_site", "dgm_width", "decoupled"):
        del old[key]
    assert network_config(old) == tiny
    with pytest.raises(KeyError, match="clamp"):
        network_config({key: value for key, value in old.items() if key != "clamp"})
    parts = {name.split(".")[0] for name in RiisNetwork(replace(tiny, squeeze="haar2")).state_dict()}
    assert parts == {"flow", "condition", "canp", "cem"}


def test_the_log_det_of_the_main_flow_equals_the_jacobian(tiny: NetworkConfig, jitter: Jitter) -> None:
    network = RiisNetwork(tiny).double().eval()
    jitter(network, 0.1)
    values = torch.randn(96, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda v: network.flow(v.view(1, 24, 2, 2))[0].flatten(), values)
    y, log_det = network.flow(values.view(1, 24, 2, 2))
    assert abs(float((torch.linalg.slogdet(jacobian)[1] - log_det[0]).detach())) < 1e-9
    back = torch.autograd.functional.jacobian(
        lambda v: network.flow.inverse(v.view(1, 24, 2, 2)).flatten(), y.detach().flatten()
    )
    assert abs(float((torch.linalg.slogdet(back)[1] + log_det[0]).detach())) < 1e-9


# ---- distortion-guided modulation


def same_weights(plain: RiisNetwork, modulated: RiisNetwork) -> RiisNetwork:
    missing, unexpected = modulated.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert all("head" in name or name.startswith("trunk.") for name in missing)
    return modulated.eval()


def move_heads(network: RiisNetwork, scale: float = 0.1) -> None:
    with torch.no_grad():
        for head in (module for module in network.modules() if isinstance(module, Head)):
            head.weight.normal_(0, scale)
            head.bias.normal_(0, scale)


def trip(network: RiisNetwork, sender: Tensor | None, receiver: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Container, revealed secret and the error of an exact inversion."""
    generator = torch.Generator().manual_seed(3)
    secret, host = (torch.rand(1, 3, 16, 16, generator=generator) for _ in range(2))
    with torch.no_grad():
        container, latent = network.hide(secret, host, sender)
        z, _ = network.whiten(latent, container, sender)
        found = network.reveal_with(network.guess_latent(z, container, receiver), container, receiver)
        revealed = network.reveal(container, torch.ones_like(z), receiver)
    return container, revealed.secret, (found.secret - secret).abs().max()


JPEG, NOISE = torch.tensor([[0.0, 0.6, 0.0]]), torch.tensor([[0.2, 0.0, 1.0]])


@pytest.mark.parametrize("site", ["factors", "features"])
def test_modulation_with_zero_heads_changes_nothing_and_otherwise_tells(
    tiny: NetworkConfig, warmed: Warm, jitter: Jitter, site: str
) -> None:
    plain = warmed(RiisNetwork(tiny))
    jitter(plain, 0.05)
    modulated = same_weights(plain, RiisNetwork(replace(tiny, dgm=True, dgm_site=site)))
    for ours, theirs in zip(trip(plain, None, None), trip(modulated, JPEG, NOISE), strict=True):
        assert torch.equal(ours, theirs)

    move_heads(modulated, 0.5)
    sent, found, error = trip(modulated, JPEG, JPEG)
    assert error < 1e-4
    other, elsewhere, _ = trip(modulated, NOISE, NOISE)
    assert not torch.allclose(sent, other)
    assert not torch.allclose(found, elsewhere)
    assert trip(modulated, JPEG, NOISE)[2] > 1e-3
    assert torch.equal(trip(modulated, None, None)[0], trip(modulated, 0 * JPEG, JPEG)[0])


def test_each_picture_of_a_batch_is_told_its_own(tiny: NetworkConfig, jitter: Jitter) -> None:
    network = RiisNetwork(replace(tiny, dgm=True)).eval()
    jitter(network, 0.1)
    secret, host = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        together = network.hide(secret, host, torch.cat((JPEG, NOISE)))[0]
        alone = network.hide(secret[1:], host[1:], NOISE)[0]
    assert (together[1:] - alone).abs().max() < 1e-5


def test_the_clean_condition_learns_from_the_first_step(tiny: NetworkConfig) -> None:
    network = RiisNetwork(replace(tiny, dgm=True))
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    secret, host = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    coupling = network.flow.steps[0].coupling

    def gradients() -> tuple[float, float]:
        optimizer.zero_grad()
        found = network.reveal(network.hide(secret, host)[0], torch.randn(1, 12, 8, 8))
        (found.secret - secret).square().mean().backward()
        last, bias = coupling.phi_shift.layers[-1].weight.grad, coupling.phi_shift.head.bias.grad
        return float(last.abs().max()), float(bias.abs().max())

    last, bias = gradients()
    assert last > 0
    assert bias == 0
    optimizer.step()
    assert gradients()[1] > 0


def test_the_condition_vector_of_a_channel() -> None:
    gauss, jpeg = Stage("gaussian", {"sigma": 10.0, "gray": False}), Stage("jpeg", {"q": 40, "ss": "420"})
    poisson = Stage("poisson", {"peak": 63.75})
    assert condition_vector([]) == [0, 0, 0]
    assert condition_vector([gauss, jpeg, poisson]) == pytest.approx([0.2, 62 / 92, 2.0])
    assert condition_vector([jpeg, Stage("resize", {"factor": 0.5}), Stage("jpeg", {"q": 90})])[1] == 12 / 92


# ---- two-stage decoupled tuning


def test_decoupling_copies_weights_and_averages_and_then_the_ways_part(tiny: NetworkConfig) -> None:
    network = RiisNetwork(replace(tiny, decoupled=True, dgm=True))
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    secret, host = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    noise = torch.randn(1, 12, 8, 8)

    def step() -> None:
        optimizer.zero_grad()
        container, latent = network.hide(secret, host)
        z, log_det = network.whiten(latent, container)
        found = network.reveal(container, noise)
        ((found.secret - secret).square().mean() + z.square().mean() - log_det.mean()).backward()
        optimizer.step()

    step()
    assert all(not torch.equal(a, b) for a, b in network.pairs() if a.grad is not None and a.grad.any())
    before = network.reveal(host, noise)
    network.decouple(optimizer)
    assert network.is_decoupled
    assert all(torch.equal(a, b) for a, b in zip(before, network.reveal(host, noise), strict=True))
    assert network.pairs()
    for shared, copied in network.pairs():
        assert torch.equal(shared, copied)
        for name, value in optimizer.state.get(shared, {}).items():
            assert torch.equal(value, optimizer.state[copied][name])
            assert value is not optimizer.state[copied][name]
    step()
    assert any(not torch.equal(a, b) for a, b in network.pairs())
    assert not torch.equal(before.secret, network.reveal(host, noise).secret)
    tuned = network.reverse["flow"].steps[0].mix.weight.clone()
    network.decouple(optimizer)  # again: keeps what was tuned
    assert torch.equal(network.reverse["flow"].steps[0].mix.weight, tuned)

    again = RiisNetwork(network.config)
    again.load_state_dict(network.state_dict())
    assert again.is_decoupled
    assert torch.equal(again.reveal(host, noise).secret, network.reveal(host, noise).secret)


def test_only_a_network_with_copies_can_be_decoupled(tiny: NetworkConfig) -> None:
    network = RiisNetwork(tiny)
    assert not network.is_decoupled
    assert network.pairs() == []
    with pytest.raises(ValueError, match="decoupled=True"):
        network.decouple()


# ---- where the receiver's latent comes from, and CEM


@pytest.mark.parametrize("source", ["canp", "gauss", "copy", "resblock"])
def test_every_source_gives_a_latent_and_a_secret(tiny: NetworkConfig, source: str) -> None:
    network = RiisNetwork(replace(tiny, hf_source=source, source_blocks=1), 2).eval()
    received, noise = torch.rand(1, 3, 16, 16), torch.randn(1, 24, 8, 8)
    latent = network.guess_latent(noise, received)
    assert latent.shape == (1, 24, 8, 8)
    assert network.reveal(received, noise).secret.shape == (1, 6, 16, 16)
    assert torch.equal(latent, noise) == (source == "gauss")
    if source == "copy":
        assert torch.equal(latent, haar(received).tile(1, 2, 1, 1))
    drawn = not torch.equal(latent, network.guess_latent(noise + 1, received))
    assert drawn == network.config.draws == (source in ("canp", "gauss"))
    parts = {name.split(".")[0] for name in network.state_dict()} - {"flow", "cem"}
    assert parts == {"canp": {"condition", "canp"}, "resblock": {"predictor"}}.get(source, set())


def test_without_canp_the_latent_itself_is_made_normal(tiny: NetworkConfig) -> None:
    network = RiisNetwork(replace(tiny, canp=False))
    assert network.config.source == "gauss"
    latent = torch.randn(2, 12, 4, 4)
    z, log_det = network.whiten(latent, torch.rand(2, 3, 8, 8))
    assert torch.equal(z, latent)
    assert log_det.tolist() == [0, 0]
    with pytest.raises(ValueError, match="no density"):
        RiisNetwork(replace(tiny, hf_source="copy")).whiten(latent, torch.rand(2, 3, 8, 8))


def test_without_cem_the_container_is_taken_as_it_came(tiny: NetworkConfig) -> None:
    network = RiisNetwork(replace(tiny, cem=False))
    received = torch.rand(1, 3, 8, 8)
    assert network.reveal(received, torch.randn(1, 12, 4, 4)).enhanced is received
    assert not any(name.startswith("cem") for name in network.state_dict())


@pytest.mark.parametrize("source", ["resblock", "gauss"])
def test_a_latent_without_canp_can_be_decoupled(tiny: NetworkConfig, source: str) -> None:
    network = RiisNetwork(replace(tiny, hf_source=source, source_blocks=1, decoupled=True))
    network.decouple()
    assert set(network.reverse.keys()) == {"flow"}
    assert network.reveal(torch.rand(1, 3, 8, 8), torch.randn(1, 12, 4, 4)).secret.shape == (1, 3, 8, 8)
