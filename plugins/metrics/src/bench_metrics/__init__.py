"""The built-in metrics, on numpy and OpenCV alone."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_metrics(register: Register) -> None:
    """Register every built-in metric."""
    register("psnr", "bench_metrics.psnr:Psnr", summary="PSNR over all RGB samples, dB")
    register("psnr_y", "bench_metrics.psnr:PsnrY", summary="PSNR of full-range BT.601 luma, dB")
    register("psnr_lab_l", "bench_metrics.lab:PsnrLabL", summary="PSNR of CIE lightness L*, peak 100, dB")
    register("psnr_lab_a", "bench_metrics.lab:PsnrLabA", summary="PSNR of CIE a*, peak 255, dB")
    register("psnr_lab_b", "bench_metrics.lab:PsnrLabB", summary="PSNR of CIE b*, peak 255, dB")
    register("psnr_lab", ("psnr_lab_l", "psnr_lab_a", "psnr_lab_b"), summary="PSNR of L*, a* and b*")
    register("ssim", "bench_metrics.ssim:Ssim", summary="SSIM of Wang et al. 2004, mean over R, G and B")
    register("ssim_y", "bench_metrics.ssim:SsimY", summary="SSIM of 8-bit full-range BT.601 luma")
    register("ms_ssim", "bench_metrics.ms_ssim:MsSsim", summary="multi-scale SSIM, mean over R, G and B")
    register("ms_ssim_y", "bench_metrics.ms_ssim:MsSsimY", summary="multi-scale SSIM of 8-bit full-range BT.601 luma")
    register(
        "cci",
        "bench_metrics.colorfulness:Cci",
        summary="colorfulness of Hasler and Suesstrunk 2003, the reference's beside it",
    )
    register("cci_ratio", "bench_metrics.colorfulness:CciRatio", summary="share of pictures with a CCI from 16 to 20")
