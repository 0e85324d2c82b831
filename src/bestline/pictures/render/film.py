"""Film: training as a moving picture: a GIF, or where ffmpeg is installed an MP4.

The picture is drawn once. For every frame what stands still is put back from memory and only what moves is drawn, so a hundred
frames take little longer than one. Frames are spaced by how much moves between them, not by the number of updates.
"""

from __future__ import annotations

import io
import math
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path as FilePath
from typing import IO, Any, TypeAlias

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from bestline.errors import OptionError
from bestline.pictures.figures import each_once
from bestline.pictures.landscape import Pair, landscapes
from bestline.pictures.loss_curves import as_runs
from bestline.pictures.marks import Line, Mark, Path, Picture, Points
from bestline.pictures.overview import overviews
from bestline.pictures.palette import themed
from bestline.pictures.render import mpl
from bestline.pictures.sample import Sample
from bestline.training import Fit

__all__ = ["FORMATS", "animate", "film", "timeline"]

FORMATS = ("gif", "mp4")
FRAMES = 100  # at the most, where nobody says how many
MOST_BYTES = 300_000  # of a GIF, where nobody says how many frames

Pixels: TypeAlias = NDArray[np.uint8]  # (height, width, 3)
Codes: TypeAlias = NDArray[np.uint32]

_REST = 2.0  # seconds that the last frame stays
_SLOWEST = 0.5  # seconds that any other frame stays at the most: a run of few steps is no slide show
_EXACT, _MERGED = 43, 20  # colours of a GIF: kept as they are, and standing for all others; with transparent, 64
_NONE = 255  # no colour yet
_FEWEST = 24  # frames that still look like a movement


def animate(
    fits: Fit | Mapping[str, Fit],
    sample: Sample | None,
    file: str | FilePath | IO[bytes],
    *,
    format: str | None = None,  # noqa: A002  as in `save`
    frames: int | None = None,
    seconds: float = 8.0,
    theme: str = "light",
    dpi: float = 80,
    pair: Pair = None,
    units: str = "data",
    target: int = 0,
) -> None:
    """Write how one run or several learnt: the rows and the line, the loss from above and in space, and the loss so far.

    Every frame is the state after some number of updates, none is made up between two. A run that ended rests at its end.

    Parameters
    ----------
    fits : Fit, or mapping of label to Fit
        Runs with the same loss at the same weights.
    sample : Sample or None
        The rows; without them there is no panel of them.
    file : path or binary file
        A path is written as it is: whether it may be overwritten is the caller's decision.
    format : {"gif", "mp4"}, optional
        By default what the path ends in; for an open file GIF.
    frames : int, optional
        How many at the most; by default 100, or as many fewer as keep a GIF below 300 kB, so that it can be sent around.
    seconds : float
        How long all of them take at the most; the last one then rests for two seconds more.
    theme, dpi
        As for `draw`.
    pair, units, target
        As for `overview`.

    Raises
    ------
    OptionError
        A format, number or length that makes no sense, MP4 without ffmpeg, or runs whose losses differ at the same weights.
    """
    if not 2 <= (frames or FRAMES) <= 2_000 or not 0 < seconds <= 600:
        raise OptionError(f"`frames` must be from 2 to 2,000 and `seconds` from 0 to 600; got {frames!r} and {seconds!r}.")
    kind = _kind(file, format)
    steps = timeline(fits, frames or FRAMES, target=target, pair=pair, units=units)
    pictures = overviews(fits, sample, steps, target=target, pair=pair, units=units)
    each = min(seconds / len(steps), _SLOWEST)
    film(list(pictures), file, format=kind, each=each, theme=theme, dpi=dpi, most=None if frames else MOST_BYTES)


def _kind(file: str | FilePath | IO[bytes], kind: str | None) -> str:
    if kind is None:
        kind = FilePath(file).suffix.lstrip(".").lower() if isinstance(file, str | FilePath) else "gif"
    if kind not in FORMATS:
        raise OptionError(f"Moving pictures are written as {' or '.join(FORMATS)}; got {kind!r}.")
    if kind == "mp4" and shutil.which("ffmpeg") is None:
        raise OptionError("An MP4 is made by ffmpeg, which is not installed here; install it, or write a .gif.")
    return kind


def timeline(
    fits: Fit | Mapping[str, Fit], frames: int = 100, *, target: int = 0, pair: Pair = None, units: str = "data"
) -> list[int]:
    """The numbers of updates to show: the first, the last, and between them more where more moves.

    Half of the measure is the way walked, as long as it looks in the picture; half is the logarithm of the number of updates.
    So neither a fast start nor a long crawl is lost.
    """
    runs = list(as_runs(fits).values())
    last = max(int(fit.trace.step[-1]) for fit in runs)
    every = sorted({int(step) for fit in runs for step in fit.trace.step.tolist()})
    if len(every) <= frames:
        return every
    at = torch.tensor(every, dtype=torch.float64)
    # Two measures of progress from 0 to 1, added: so the steps chosen are even in their mean.
    measure = at.log1p() / math.log1p(last)
    for ground in landscapes(runs, pair, target=target, resolution=2, units=units):
        # In widths of the view: a step counts by what is seen of it.
        sizes = torch.tensor([high - low for low, high in ground.span], dtype=torch.float64)
        path = torch.tensor(ground.path, dtype=torch.float64).T / sizes
        way = torch.cat([torch.zeros(1, dtype=torch.float64), path.diff(dim=0).norm(dim=1).cumsum(0)])
        if float(way[-1]) > 0:
            place = torch.searchsorted(torch.tensor(ground.steps, dtype=torch.float64), at, right=True) - 1
            measure = measure + way[place.clamp(min=0)] / way[-1] / len(runs)
    # Equal shares of the measure.
    wanted = torch.linspace(0, float(measure[-1]), frames, dtype=torch.float64)
    return [every[i] for i in each_once(torch.searchsorted(measure, wanted).tolist(), len(every))]


def film(
    pictures: Sequence[Picture],
    file: str | FilePath | IO[bytes],
    *,
    format: str | None = None,  # noqa: A002  as in `save`
    each: float = 0.1,
    theme: str = "light",
    dpi: float = 80,
    most: int | None = None,
) -> None:
    """Write pictures that differ only in where some of their marks are, one after the other.

    Parameters
    ----------
    pictures : sequence of Picture
        With the same panels, and in each the same kinds of marks; limits, legend and note are those of the last one.
    file, format, theme, dpi
        As for `animate`.
    each : float
        Seconds that a frame is shown; the last one rests for two more.
    most : int, optional
        Bytes of a GIF: where it would be larger, frames are left out, evenly.
    """
    if not pictures:
        raise OptionError("There are no pictures to animate; give at least one.")
    kind = _kind(file, format)
    images = _frames(pictures, theme, dpi)
    if kind == "gif":
        content = _gif(images, each, pictures[-1].alt, theme, most)
        FilePath(file).write_bytes(content) if isinstance(file, str | FilePath) else file.write(content)
    else:
        _write_mp4(images, file, each)


def _frames(pictures: Sequence[Picture], theme: str, dpi: float) -> Iterator[Pixels]:
    """Each picture as pixels, (height, width, 3)."""
    stage = mpl.stage(pictures[-1], theme=theme, dpi=dpi)
    figure, canvas = stage.figure, FigureCanvasAgg(stage.figure)
    moved = _moved(pictures)
    # What moves, and what lies in front of it, is drawn in every frame, from back to front.
    front = [
        artist
        for which, drawn in zip(moved, stage.artists, strict=True)
        for artist in sorted(chain(*drawn[min(which, default=len(drawn)) :]), key=lambda artist: artist.get_zorder())
    ]
    title = stage.title
    # Laid out once, for the last picture, whose labels are the longest; then nothing may move any more.
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
    figure.set_layout_engine("none")  # all stays where it is now
    left = title.get_window_extent(canvas.get_renderer()).x0 / figure.bbox.width
    title.set(x=left, horizontalalignment="left")  # where only its figures change, the rest of it stays
    for artist in (*front, title):
        artist.set_animated(True)
    canvas.draw()
    behind = canvas.copy_from_bbox(figure.bbox)
    for picture in pictures:
        canvas.restore_region(behind)
        for panel, which, drawn in zip(picture.panels, moved, stage.artists, strict=True):
            for i in which:
                _place(panel.marks[i], drawn[i])
        for artist in front:
            artist.axes.draw_artist(artist)
        title.set_text(mpl.titled(picture, figure.get_size_inches()[0]))
        figure.draw_artist(title)
        yield np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _moved(pictures: Sequence[Picture]) -> list[list[int]]:
    """For each panel, which of its marks move: those that are not the same object in the first picture and in the last."""
    first, last = pictures[0], pictures[-1]
    kinds = [[[type(mark) for mark in panel.marks] for panel in picture.panels] for picture in (first, last)]
    if kinds[0] != kinds[1]:
        raise OptionError("Pictures that follow each other must have the same panels, with the same kinds of marks.")
    return [
        [i for i, (a, b) in enumerate(zip(before.marks, after.marks, strict=True)) if a is not b]
        for before, after in zip(first.panels, last.panels, strict=True)
    ]


def _place(mark: Mark, artists: Sequence[Any]) -> None:
    """Move what was drawn for a mark to where the mark is now."""
    if not isinstance(mark, Points | Line | Path):
        raise OptionError(f"A {type(mark).__name__} cannot move from picture to picture.")
    columns = [np.asarray(c, dtype=float) for c in (mark.x, mark.y, mark.z) if c is not None]
    parts = [slice(None), slice(0, 1), slice(-1, None)] if isinstance(mark, Path) else [slice(None)]
    for artist, part in zip(artists, parts, strict=True):
        place = artist.set_data_3d if len(columns) == 3 else artist.set_data
        place(*(column[part] for column in columns))


def _gif(frames: Iterable[Pixels], each: float, words: str, theme: str, most: int | None) -> bytes:
    """One palette for all frames, no dither: what stands still then stays the same to the bit, and costs little."""
    from PIL import Image

    codes = [_codes(frame) for frame in frames]
    # First, middle and last frame have all colours that fill areas; what is only between them is soft edges.
    colours = _colours([codes[i] for i in sorted({0, len(codes) // 2, len(codes) - 1})], theme)
    nearest = np.full(1 << 24, _NONE, dtype=np.uint8)  # of every colour there is, found when it is met
    images = []
    for code in codes:
        new = np.unique(code[nearest[code] == _NONE])
        # Squared distance in RGB to each colour of the palette, once a colour and not once a pixel.
        apart = _rgb(new)[:, None, :].astype(np.int32) - colours[None].astype(np.int32)
        nearest[new] = (apart**2).sum(2).argmin(1)
        image = Image.fromarray(nearest[code])
        image.putpalette(colours.tobytes())
        images.append(image)
    content = _encoded(images, each, words)
    # Each frame costs about the same: so many are kept as have room, and what is left out is made up for by time.
    while most is not None and len(content) > most and len(images) > _FEWEST:
        kept = max(_FEWEST, int(len(images) * 0.97 * most / len(content)))
        longer = each * len(images) / kept
        images = [images[i] for i in np.linspace(0, len(images) - 1, kept).round().astype(int)]
        each, content = longer, _encoded(images, longer, words)
    return content


def _encoded(images: Sequence[Any], each: float, words: str) -> bytes:
    """Images of one palette as a GIF."""
    lasts = [max(20, round(1000 * each))] * (len(images) - 1) + [round(1000 * (each + _REST))]
    held = io.BytesIO()
    # A comment is at most 255 bytes; a letter cut in two would be none.
    comment = words.encode("utf-8")[:250].decode("utf-8", errors="ignore").encode()
    how = {"save_all": True, "append_images": images[1:], "duration": lasts, "loop": 0, "optimize": True, "comment": comment}
    images[0].save(held, format="GIF", **how)
    return held.getvalue()


def _colours(codes: Sequence[Codes], theme: str) -> Pixels:
    """The colours that serve all frames, (m, 3), from some of them.

    Those of the theme and the most frequent ones, which fill areas, are kept to the bit; the rest, the soft edges of lines and
    letters, are merged.
    """
    from PIL import Image

    palette = themed(theme)
    named = [palette.paper, palette.ink, palette.quiet, *(style.colour for style in palette.styles.values())]
    known, counts = np.unique(np.concatenate([code.ravel() for code in codes]), return_counts=True)
    order = known[np.argsort(-counts, kind="stable")]
    exact = list(dict.fromkeys([*(int(name[1:], 16) for name in named), *order[:_EXACT].tolist()]))[:_EXACT]
    rest = order[~np.isin(order, exact)]
    colours = _rgb(np.array(exact, dtype=np.uint32))
    if len(rest):
        merged = Image.fromarray(_rgb(rest)[None]).quantize(_MERGED, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        colours = np.concatenate([colours, np.array(merged.getpalette(), dtype=np.uint8).reshape(-1, 3)[:_MERGED]])
    return colours


def _codes(pixels: Pixels) -> Codes:
    """Each colour as one number."""
    red, green, blue = (pixels[:, :, i].astype(np.uint32) for i in range(3))
    return np.asarray(red << 16 | green << 8 | blue, dtype=np.uint32)


def _rgb(codes: Codes) -> Pixels:
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)


def _write_mp4(frames: Iterator[Pixels], file: str | FilePath | IO[bytes], each: float) -> None:
    """Raw frames into ffmpeg, at a constant rate; the same frames give the same bytes."""
    program = shutil.which("ffmpeg")
    assert program is not None  # noqa: S101  `_kind` has looked
    with tempfile.TemporaryDirectory() as folder:
        target = FilePath(folder) / "film.mp4"
        first = next(frames)
        height, width = (side - side % 2 for side in first.shape[:2])  # the coding wants even sides
        form = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{1 / each:.6f}", "-i", "-"]
        coding = ["-an", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-threads", "1"]
        plain = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1", "-movflags", "+faststart"]
        command = [program, "-y", "-loglevel", "error", *form, *coding, *plain, str(target)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603  found on PATH
            assert process.stdin is not None and process.stderr is not None  # noqa: S101, PT018  pipes were asked for
            last = first
            try:
                for last in chain([first], frames):
                    process.stdin.write(np.ascontiguousarray(last[:height, :width]).tobytes())
                for _ in range(math.ceil(_REST / each)):
                    process.stdin.write(np.ascontiguousarray(last[:height, :width]).tobytes())
                process.stdin.close()
            except BrokenPipeError:
                pass  # its own words say why
            said = process.stderr.read().decode(errors="replace").strip()
        if process.returncode or not target.exists():
            # A disk that is full ends it without a word of its own.
            ended = f"stopped by {signal.Signals(-process.returncode).name}" if process.returncode < 0 else "no reason given"
            raise OSError(f"ffmpeg could not write the MP4 ({said.splitlines()[-1] if said else ended}); write a .gif")
        content = target.read_bytes()
    if isinstance(file, str | FilePath):
        FilePath(file).write_bytes(content)
    else:
        file.write(content)
