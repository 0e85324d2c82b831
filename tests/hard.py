"""The hard table: what every picture, page and report must stay legible on.

30 columns with long names that share their ends, offsets of a million, sizes six decades apart, a pair that is nearly
collinear, heavy tails (Student's t with 2 degrees of freedom), a few values of one row far outside, and 200,000 rows.
"""

import functools

import numpy as np

PLACES = ("inlet", "outlet", "upper_shell", "lower_shell", "bearing", "housing")
KINDS = ("temperature", "pressure", "vibration", "flow", "humidity")
NAMES = tuple(f"sensor_reading_of_the_{kind}_probe_at_the_{place}_of_the_sample_unit" for kind in KINDS for place in PLACES)
TARGET = "energy_consumption_of_the_whole_plant_in_kilowatt_hours"


@functools.cache
def hard_table(rows: int = 200_000) -> dict[str, np.ndarray]:
    """The table, alike in every call: 30 columns and the target, each (rows,) float64."""
    draw = np.random.default_rng(20_261)
    size = 10.0 ** np.linspace(-3, 3, len(NAMES))
    columns = 1e6 * (np.arange(len(NAMES)) % 3 == 0) + size * draw.normal(size=(rows, len(NAMES)))
    columns[:, 1] = columns[:, 0] + 1e-6 * size[0] * draw.normal(size=rows)  # nearly collinear with the first
    columns[min(rows - 1, 17), 7] += 130 * size[7]
    weights = draw.choice([-1.0, 1.0], len(NAMES)) * draw.uniform(0.5, 2.0, len(NAMES)) / size
    y = 1e6 + columns @ weights + 2.0 * draw.standard_t(2, rows)
    return {**{name: columns[:, i] for i, name in enumerate(NAMES)}, TARGET: y}
