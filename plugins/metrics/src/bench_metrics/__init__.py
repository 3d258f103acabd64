"""The built-in metrics, and `bench locate`. None needs torch or a network."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_metrics(register: Register) -> None:
    """Register every built-in metric."""
    _similarity(register)
    _color(register)
    _maps(register)
    _hiding(register)
    _qr(register)
    _steganalysis(register)


@hookimpl
def register_commands(register: Register) -> None:
    """Register `bench locate`."""
    register("locate", "bench_metrics.locate:locate", summary="Show where a container was tampered with.")


def _similarity(register: Register) -> None:
    register("psnr", "bench_metrics.psnr:Psnr", summary="PSNR over all RGB samples, dB")
    register(
        "psnr_pooled",
        ("psnr",),
        summary="PSNR of the mean MSE, dB: `pooled` in the summaries of psnr, which this stands for",
    )
    register("mse", "bench_metrics.pixels:Mse", summary="mean squared error of values in 0..1")
    register("psnr_y", "bench_metrics.psnr:PsnrY", summary="PSNR of full-range BT.601 luma, dB")
    register(
        "psnr_y_bt601",
        "bench_metrics.psnr:PsnrYBt601",
        summary="PSNR of BT.601 luma in 16..235, not rounded, dB; HiNet's default",
    )
    register(
        "psnr_y_bt601_8bit",
        "bench_metrics.psnr:PsnrYBt601Rounded",
        summary="PSNR of BT.601 luma in 16..235, rounded to 8 bits, dB",
    )
    register(
        "psnr_chmean",
        "bench_metrics.psnr:PsnrChannelMean",
        summary="mean of the PSNRs of R, G and B, dB; Invertible Grayscale's",
    )
    register("psnr_lab_l", "bench_metrics.lab:PsnrLabL", summary="PSNR of CIE lightness L*, peak 100, dB")
    register("psnr_lab_a", "bench_metrics.lab:PsnrLabA", summary="PSNR of CIE a*, peak 255, dB")
    register("psnr_lab_b", "bench_metrics.lab:PsnrLabB", summary="PSNR of CIE b*, peak 255, dB")
    register("psnr_lab", ("psnr_lab_l", "psnr_lab_a", "psnr_lab_b"), summary="PSNR of L*, a* and b*")
    register("psnr_lab8_l", "bench_metrics.lab8:PsnrLab8L", summary="PSNR of L in OpenCV's 8-bit Lab, dB")
    register("psnr_lab8_a", "bench_metrics.lab8:PsnrLab8A", summary="PSNR of a in OpenCV's 8-bit Lab, dB")
    register("psnr_lab8_b", "bench_metrics.lab8:PsnrLab8B", summary="PSNR of b in OpenCV's 8-bit Lab, dB")
    register(
        "psnr_lab8", ("psnr_lab8_l", "psnr_lab8_a", "psnr_lab8_b"), summary="PSNR of L, a and b in OpenCV's 8-bit Lab"
    )
    register(
        "psnr_ab", "bench_metrics.lab:PsnrAb", summary="PSNR of CIE a* and b* together, dB: color without luminance"
    )
    register("ssim", "bench_metrics.ssim:Ssim", summary="SSIM of Wang et al. 2004, mean over R, G and B")
    register(
        "ssim_scgan",
        "bench_metrics.ssim_scgan:SsimScgan",
        summary="SSIM as SCGAN's tables have it: uniform 7×7 window, sample covariance, range 2",
    )
    register("ssim_y", "bench_metrics.ssim:SsimY", summary="SSIM of 8-bit full-range BT.601 luma")
    register("ssim_lab_l", "bench_metrics.ssim_lab:SsimLabL", summary="SSIM of CIE lightness L*")
    register("ssim_lab_a", "bench_metrics.ssim_lab:SsimLabA", summary="SSIM of CIE a*")
    register("ssim_lab_b", "bench_metrics.ssim_lab:SsimLabB", summary="SSIM of CIE b*")
    register("ssim_lab", ("ssim_lab_l", "ssim_lab_a", "ssim_lab_b"), summary="SSIM of L*, a* and b*")
    register("ms_ssim", "bench_metrics.ms_ssim:MsSsim", summary="multi-scale SSIM, mean over R, G and B")
    register("ms_ssim_y", "bench_metrics.ms_ssim:MsSsimY", summary="multi-scale SSIM of 8-bit full-range BT.601 luma")


def _color(register: Register) -> None:
    register("delta_e", "bench_metrics.delta_e:DeltaE", summary="mean color difference, CIEDE2000")
    register("delta_e_p95", "bench_metrics.delta_e:DeltaE95", summary="95th percentile of CIEDE2000 over pixels")
    register(
        "cci",
        "bench_metrics.colorfulness:Cci",
        summary="colorfulness of Hasler and Suesstrunk 2003, the reference's beside it",
    )
    register("cci_ratio", "bench_metrics.colorfulness:CciRatio", summary="share of pictures with a CCI from 16 to 20")
    register("cci_abs_err", "bench_metrics.colorfulness:CciAbsErr", summary="distance of the CCI from the reference's")
    register(
        "cci_w1",
        "bench_metrics.color_sets:CciW1",
        summary="Wasserstein-1 distance of the CCI's distribution over the set from the references'",
    )
    register(
        "colorfulness_ratio",
        "bench_metrics.colorfulness:ColorfulnessRatio",
        summary="CCI relative to the reference's; below 1 is paler",
    )
    register("hist_ab", "bench_metrics.color_sets:HistAb", summary="intersection of the histograms of a* and b*")
    register("rmse_ab", "bench_metrics.lab:RmseAb", summary="root mean squared error of CIE a* and b* together")
    register(
        "argmax_acc",
        "bench_metrics.pixels:ArgmaxAccuracy",
        summary="share of pixels with the right largest channel; Keras' accuracy of pictures",
    )


def _maps(register: Register) -> None:
    register(
        "miou", "bench_metrics.labels:MeanIou", summary="mean over classes of intersection over union of label maps"
    )
    register(
        "miou_pooled",
        ("miou",),
        summary="mIoU over all pictures: `pooled` in the summaries of miou, which this stands for",
    )
    register("pixel_acc", "bench_metrics.labels:PixelAccuracy", summary="share of a label map's pixels that are right")
    register("mae_saliency", "bench_metrics.saliency:MaeSaliency", summary="mean absolute error of saliency in 0..1")
    register(
        "fbeta_saliency",
        "bench_metrics.saliency:FbetaSaliency",
        summary="F-measure of saliency maps cut at 0.5, precision before recall (β² = 0.3)",
    )


def _hiding(register: Register) -> None:
    register("bpp", "bench_metrics.capacity:Bpp", summary="nominal bits of the hidden pictures a container pixel")
    register(
        "bpp_effective",
        "bench_metrics.capacity:EffectiveBpp",
        summary="bits a container pixel of the smallest file as good as what was revealed",
    )
    register(
        "tamper_auc",
        "bench_metrics.tamper:TamperAuc",
        summary="area under the ROC curve of finding what the channel tampered with",
    )
    register("tamper_f1", "bench_metrics.tamper:TamperF1", summary="best F1 of finding what the channel tampered with")
    register(
        "tamper_iou", "bench_metrics.tamper:TamperIou", summary="best IoU of finding what the channel tampered with"
    )
    register("tamper", ("tamper_auc", "tamper_f1", "tamper_iou"), summary="AUC, F1 and IoU of finding tampering")
    register(
        "entropy_planes",
        "bench_metrics.carrier:EntropyPlanes",
        summary="mean entropy of the carrier's bit planes, the cover's beside it",
    )
    register("png_ratio", "bench_metrics.carrier:PngRatio", summary="PNG size of the carrier relative to the cover's")


def _qr(register: Register) -> None:
    register("qr_raw", "bench_metrics.qr:QrRaw", summary="share of hidden QR codes that scan as they are")
    register("qr_assisted", "bench_metrics.qr:QrAssisted", summary="share of them that scan after some processing")
    register("qr_module_error", "bench_metrics.qr:QrModuleError", summary="share of a QR code's modules that are wrong")
    register("qr", ("qr_raw", "qr_assisted", "qr_module_error"), summary="all three of hidden QR codes")


def _steganalysis(register: Register) -> None:
    register("steg_rs", "bench_metrics.steganalysis:StegRs", summary="error of RS analysis; 0.5 is undetectable")
    register("steg_spa", "bench_metrics.steganalysis:StegSpa", summary="error of sample pair analysis")
    register("steg_chi2", "bench_metrics.steganalysis:StegChi2", summary="error of the chi-square attack on LSBs")
    register("steg0", "bench_metrics.steganalysis:Steg0", summary="error of the three together, untrained")
    register(
        "steg_hist",
        "bench_metrics.steganalysis:StegHist",
        summary="how far the histogram of neighbors' differences moved, 0..1",
    )
    register("steg1", "bench_metrics.steganalysis:Steg1", summary="error of a detector trained on the method at hand")
