"""The filter bank is the S-transform, and ConvNeXt V2 normalises as published."""

import numpy as np
import pytest
import torch

from heart_reader.errors import ConfigError
from heart_reader.models.convnextv2 import ConvNextV2, GlobalResponseNorm, LayerNorm2d
from heart_reader.models.registry import build_network
from heart_reader.models.stockwell import StockwellBank

FS, N_TIMES = 100.0, 1000


def s_transform(x, frequencies_hz):
    """The discrete S-transform by its definition (Stockwell 1996, equation 13), one sum a voice."""
    n = len(x)
    spectrum = np.fft.fft(x) / n
    m = np.fft.fftfreq(n, 1 / n)
    rows = []
    for frequency in frequencies_hz:
        harmonic = round(frequency * n / FS)
        shifted = spectrum[(m.astype(int) + harmonic) % n]
        rows.append((shifted * np.exp(-2 * np.pi**2 * m**2 / harmonic**2)) @ np.exp(2j * np.pi * np.outer(m, np.arange(n)) / n))
    return np.abs(np.array(rows))


def test_the_bank_is_the_s_transform():
    rng = np.random.default_rng(0)
    x = rng.normal(size=N_TIMES).cumsum()
    x -= x.mean()
    frequencies = [2.0, 5.0, 11.3, 40.0]
    expected = s_transform(x, frequencies)  # whole harmonics of the window, as the definition has them
    for frequency, voice in zip(frequencies, expected, strict=True):
        one = StockwellBank(FS, frequency, frequency * (1 + 1e-7), 2, 1)
        found = one(torch.tensor(x, dtype=torch.float32)[None, None])[0, 0, 0].numpy()
        # The definition takes the window as one period of an endless signal: away from its ends
        # both are the same to a thousandth.
        inner = slice(int(4 * FS / frequency), N_TIMES - int(4 * FS / frequency))
        assert np.abs(found - voice)[inner].max() < 1e-3 * voice.max()


def test_frames_are_every_few_time_points_of_the_dense_transform():
    x = torch.randn(2, 3, 500)
    dense, strided = StockwellBank(FS, 1.5, 40.0, 8, 1)(x), StockwellBank(FS, 1.5, 40.0, 8, 5)(x)
    assert strided.shape == (2, 3, 8, 100)
    torch.testing.assert_close(strided, dense[..., ::5])


def test_a_sine_is_strongest_at_its_frequency_and_time():
    t = torch.arange(N_TIMES) / FS
    x = torch.sin(2 * torch.pi * 10 * t) * (t > 5)
    bank = StockwellBank(FS, 1.5, 40.0, 32, 5)
    image = bank(x[None, None])[0, 0]
    strongest = int(image[:, 150].argmax())
    assert float(bank.frequencies_hz[strongest]) == pytest.approx(10.0, rel=0.12)
    assert image[strongest, 150] > 20 * image[strongest, 50]


def test_the_bank_travels_in_no_checkpoint_and_is_not_trained():
    network = build_network("stockwell_convnextv2", {}, 2, 5)
    assert not [name for name in network.state_dict() if "kernels" in name]
    assert list(network.backbone[0].parameters()) == []


def test_normalisations_are_those_of_the_paper():
    x = torch.randn(2, 6, 4, 5)
    reference = torch.nn.functional.layer_norm(x.permute(0, 2, 3, 1), (6,), eps=1e-6).permute(0, 3, 1, 2)
    torch.testing.assert_close(LayerNorm2d(6)(x), reference)
    grn = GlobalResponseNorm(6)
    torch.testing.assert_close(grn(x), x)  # as it starts
    torch.nn.init.ones_(grn.gamma)
    norms = x.norm(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(grn(x), x * norms / norms.mean(dim=1, keepdim=True) + x, rtol=1e-4, atol=1e-5)


def test_the_published_size_is_atto():
    # Woo et al.: 3.7 million parameters with the classifier of 1,000 classes.
    backbone = ConvNextV2(3, (2, 2, 6, 2), (40, 80, 160, 320), 0.0)
    n_parameters = sum(parameter.numel() for parameter in backbone.parameters()) + 320 * 1000 + 1000
    assert n_parameters == pytest.approx(3.7e6, rel=0.01)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="choose one of femto, atto, zepto, yocto"):
        build_network("stockwell_convnextv2", {"size": "huge"}, 2, 5)
    with pytest.raises(ConfigError, match=r"rising ones between 0 and 25.0 Hz"):
        build_network("stockwell_convnextv2", {"fs": 50.0}, 2, 5)
