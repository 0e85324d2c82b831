# %% [markdown]
# # 7. Ten million rows
#
# **Objective.** You fit a line to ten million rows in one pass, without holding them. You learn what one pass knows, and what it
# cannot know.
#
# | | |
# |---|---|
# | Time | 40 minutes |
# | You need | Lessons 2, 3 and 6 |
# | You get | moments; why naive sums lose digits; merging and taking away; descent without rows |
#
# Contents: 1 What a line needs to know. 2 Sums that lose digits. 3 Moments that add up. 4 Ten million rows. 5 bestline. 6 Add and take
# away. 7 What follows without the rows. 8 What they cannot know. 9 Exercises. 10 What to remember.

# %% [markdown]
# ## 1. What a line needs to know
#
# Look at the best slope and intercept of one column:
#
#     slope     = Σ (xᵢ - x̄)(yᵢ - ȳ) / Σ (xᵢ - x̄)²
#     intercept = ȳ - slope · x̄
#
# The rows come in only by their number, two means and a few sums of products. These are the **moments**. For a line:
#
# | Moment | Meaning |
# |---|---|
# | *n* | number of rows |
# | *x̄*, *ȳ* | means |
# | Sxx = Σ (xᵢ - x̄)² | how much *x* varies |
# | Sxy = Σ (xᵢ - x̄)(yᵢ - ȳ) | how *x* and *y* vary together |
# | Syy = Σ (yᵢ - ȳ)² | how much *y* varies |
#
# **Six numbers**, for a hundred rows or a billion. Even the loss at any slope and bias follows, and so the whole landscape:
#
#     n · L(w, b) = Syy - 2 w Sxy + w² Sxx + n (ȳ - w x̄ - b)²

# %%
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(5, 2, 100)
y = 1 + 2 * x + rng.normal(0, 3, 100)

n, mx, my = len(x), x.mean(), y.mean()
sxx, sxy, syy = ((x - mx) ** 2).sum(), ((x - mx) * (y - my)).sum(), ((y - my) ** 2).sum()
slope = sxy / sxx
intercept = my - slope * mx
print(f"slope {slope:.4f}, intercept {intercept:.4f}")

w, b = 1.5, -2.0
from_rows = np.mean((w * x + b - y) ** 2)
from_moments = (syy - 2 * w * sxy + w**2 * sxx) / n + (my - w * mx - b) ** 2
print(f"loss at w = 1.5, b = -2: {from_rows:.6f} from the rows, {from_moments:.6f} from the moments")
assert np.isclose(from_rows, from_moments)

# %% [markdown]
# ## 2. Sums that lose digits
#
# It is tempting to collect Σx and Σx², and to subtract at the end: Sxx = Σx² - n x̄². On paper the two are equal.
#
# **Predict first.** Add ten million to every *x*. The variance does not change. What does the computer say?

# %%
for shift in (0.0, 1e4, 1e7, 1e9):
    moved = x + shift
    naive = (moved**2).sum() - n * moved.mean() ** 2
    centred = ((moved - moved.mean()) ** 2).sum()
    print(f"shift {shift:8.0e}: naive {naive:16.6f}, centred {centred:11.6f}")

# %% [markdown]
# A number in float64 has about 16 digits. When *x* is near ten million, most digits of Σx² belong to the part that is subtracted
# afterwards. Few are left for the part that we want. At 10⁹ the naive answer is nonsense: no sum of squares is negative. So
# centre first, then multiply.

# %% [markdown]
# ## 3. Moments that add up
#
# But the mean is known only after all rows were seen. The way out (Chan, Golub & LeVeque 1983): centre each batch by its own mean,
# and correct when two batches are put together. With *δ* the difference of the two means:
#
#     n = n₁ + n₂
#     mean = mean₁ + δ · n₂ / n
#     S = S₁ + S₂ + δ δᵀ · n₁ n₂ / n
#
# Columns and target go in together, as one matrix.

# %%


class Moments:
    """Number of rows, means (q,) and centred products (q, q) of q columns."""

    def __init__(self, n, mean, S):
        self.n, self.mean, self.S = n, mean, S

    @classmethod
    def of(cls, rows):
        mean = rows.mean(axis=0)
        return cls(len(rows), mean, (rows - mean).T @ (rows - mean))

    def __add__(self, other):
        n, delta = self.n + other.n, other.mean - self.mean
        S = self.S + other.S + np.outer(delta, delta) * self.n * other.n / n
        return Moments(n, self.mean + delta * other.n / n, S)

    def line(self):
        """Slopes and intercept; the last column is the target."""
        slopes = np.linalg.solve(self.S[:-1, :-1], self.S[:-1, -1])
        return slopes, (self.mean[-1] - slopes @ self.mean[:-1]).item()


rows = np.column_stack([x, y])
together = Moments.of(rows[:30]) + Moments.of(rows[30:])
assert np.allclose(together.S, Moments.of(rows).S)
print("two parts, added:", round(together.line()[0].item(), 4), round(together.line()[1], 4))

# %% [markdown]
# ## 4. Ten million rows
#
# They come in batches. Each batch is made when it is asked for, and forgotten when it has been read: that is how you read a
# file that is larger than the memory. It takes the computer less than a minute. `LESSON_ROWS` in the environment makes the
# lesson smaller.
#
# The truth is *y* = 1 + 2 a - 0.5 b + noise, with a standard deviation of 3 in the noise. The column *a* lies near 1,000.

# %%
import os
import time
from pathlib import Path

ROWS = int(os.environ.get("LESSON_ROWS", "10_000_000"))
BATCHES = 100


def batch(k):
    """Columns a, b, y of the batch k: always the same rows, for the seed is k."""
    rng = np.random.default_rng([7, k])
    a, b = rng.normal(1000, 2, ROWS // BATCHES), rng.normal(0, 1, ROWS // BATCHES)
    return np.column_stack([a, b, 1 + 2 * a - 0.5 * b + rng.normal(0, 3, ROWS // BATCHES)])


started = time.perf_counter()
total = Moments.of(batch(0))
for k in range(1, BATCHES):
    total = total + Moments.of(batch(k))
seconds = time.perf_counter() - started

slopes, intercept = total.line()
print(f"rows: {total.n:,}")
print("slopes:", slopes.round(2).tolist())
print(f"kept in memory: {1 + total.mean.size + total.S.size} numbers")

# %% [markdown]
# `seconds` says how long your computer took. Most of the time goes into making the rows.
#
# Thirteen numbers: the count, three means, and a table of 3 by 3. The slopes are 2 and -0.5 to two decimals.

# %% [markdown]
# ## 5. bestline
#
# `bl.stream` takes a function that starts reading anew. Files need nothing: `bl.fit("parts/*.parquet", "y ~ a + b")` reads them
# in batches by itself.

# %%
import bestline as bl


def reader():
    for k in range(BATCHES):
        a, b, y = batch(k).T
        yield {"a": a, "b": b, "y": y}


moments = bl.Moments.collect(bl.stream(reader), "y ~ a + b")
model = bl.fit(moments)
print(f"rows: {moments.rows:,}")
print("slopes:", model.coef.round(2).tolist())
assert np.allclose(model.coef, slopes, rtol=1e-9)
assert np.isclose(model.intercept, intercept, rtol=1e-7)
assert moments.rows == total.n

moments.save("ten-million.moments", overwrite=True)
print("on disk, in kB:", "less than 10" if Path("ten-million.moments").stat().st_size < 10_000 else "more")

# %% [markdown]
# bestline keeps the moments of five folds apart, for the held-out error. It also says how many digits of each weight are
# certain:

# %%
print("right digits, at least 8 each:", bool((model.digits >= 8).all()))
print(f"held-out error {model.held_out.rmse[0]:.1f}, noise 3.0")
share = model.bse["a"] * np.sqrt(moments.rows)
print(f"standard error of a, times the root of the number of rows: {share:.1f}")

# %% [markdown]
# The last line is worth a thought. The noise is 3 and *a* has the standard deviation 2; their ratio is 1.5. The standard error
# is this ratio divided by √n. **Four times the rows, half the error.** With ten million rows it is 0.0005.

# %% [markdown]
# ## 6. Add and take away
#
# The moments of two machines can be added. They can also be subtracted: so an old day can be taken away, and a fold can be held
# out, without reading anything again. A small difference of large numbers has fewer certain digits than the numbers. Where fewer
# than 8 are certain, bestline warns. You may see such a warning below, for the intercept: the column *a* lies far from 0.
#
# **Predict first.** The first half of the rows plus the second half, minus the second half: whose line is that?

# %%
half = BATCHES // 2


def part(batches):
    return bl.stream(lambda: ({"a": rows[:, 0], "b": rows[:, 1], "y": rows[:, 2]} for rows in map(batch, batches)))


early = bl.Moments.collect(part(range(half)), "y ~ a + b")
late = bl.Moments.collect(part(range(half, BATCHES)), "y ~ a + b")
whole = early + late
back = whole - late
print("together as in one pass:", bool(np.allclose(bl.fit(whole).params, model.params, rtol=1e-9)))
print("minus the second half:  ", bool(np.allclose(bl.fit(back).params, bl.fit(early).params, rtol=1e-7)))

# %% [markdown]
# ## 7. What follows without the rows
#
# Ridge and lasso with cross-validation. Another target. And gradient descent, step by step: the gradient is a matrix times the
# weights, minus a vector, and both are moments.
#
#     ∂L/∂w = (2/n) (S_xx w - S_xy)        for centred columns
#
# So a step costs the same for any number of rows. By hand, on standardised columns:

# %%
scale = np.sqrt(np.diag(total.S) / total.n)
R = total.S / total.n / np.outer(scale, scale)  # correlations: the moments of standardised columns
w = np.zeros(2)
for _ in range(20):
    w -= 0.4 * 2 * (R[:2, :2] @ w - R[:2, 2])
by_hand = w * scale[2] / scale[:2]

walked = bl.fit(moments, solver="sgd", lr=0.4, steps=20, start=(0, 0, total.mean[2]))
print("20 steps by hand:", by_hand.round(2).tolist())
print("by bestline:     ", walked.coef.round(2).tolist())
assert np.allclose(by_hand, walked.coef, rtol=1e-6)

# %% [markdown]
# ### The live page
#
# The page trains on ten million rows at once while you turn the rate, because it holds their moments. Outside a
# notebook, open the file `ten-million-rows.html`.

# %%
page = walked.watch()
page.save("ten-million-rows.html", overwrite=True)
print("the page is smaller than a megabyte:", len(page.html) < 1_000_000)
page

# %% [markdown]
# ## 8. What they cannot know
#
# Moments of second order know nothing of shape. Here are two clouds with the same six numbers. One is a line with noise. The other
# is a curve.

# %%
from matplotlib.figure import Figure

rng = np.random.default_rng(1)
x = np.linspace(-3, 3, 200)


def same_moments(pattern):
    """y around the line 1 + x, whose residuals have this pattern, but mean 0, variance 1 and no slope."""
    basis = np.column_stack([np.ones_like(x), x])
    rest = pattern - basis @ np.linalg.lstsq(basis, pattern, rcond=None)[0]
    return 1 + x + rest / rest.std()


clouds = {"noise": same_moments(rng.normal(size=200)), "a curve": same_moments(x**2)}
for name, y in clouds.items():
    fitted = bl.fit(x, y)
    found = fitted.coef["x0"], fitted.intercept, fitted.bse["x0"]
    print(f"{name:8} slope {found[0]:.4f}, intercept {found[1]:.4f}, standard error {found[2]:.4f}")

# %%
picture = Figure(figsize=(10, 3.6), layout="constrained")
for number, (name, y) in enumerate(clouds.items()):
    axes = picture.add_subplot(1, 2, number + 1)
    axes.plot(x, y, ".")
    axes.plot(x, 1 + x, "r")
    axes.set(xlabel="x", ylabel="y", title=f"Same moments: {name}")
picture

# %% [markdown]
# Every number of the fit is equal, and the second line is a bad answer. Only a look at the rows tells. So:
#
# | From one pass of moments | Needs the rows again |
# |---|---|
# | weights, standard errors, R² | residual plots, leverage |
# | ridge, lasso, elastic net, cross-validation | robust standard errors |
# | descent on the full batch, with any optimiser | mini-batches, one row at a time |
# | the loss at any weights | mean absolute error, median and Huber lines |
#
# bestline says so when you ask for more than the moments know:

# %%
try:
    model.diagnose()
except bl.errors.BestlineError as error:
    print(error)

# %% [markdown]
# ## 9. Exercises
#
# **9.1** How many numbers are the moments of 50 columns and a target?
#
# <details><summary>Solution</summary>
#
# One count, 51 means, and 51 · 51 products. They are symmetric, so about half of them would do.
#
# ```python
# print(1 + 51 + 51 * 51)
# ```
#
# ```text
# 2653
# ```
#
# </details>
#
# **9.2** From `total`, fit *a* from *b* and *y*, without reading anything.
#
# <details><summary>Solution</summary>
#
# Any column may be the target. Change the order.
#
# ```python
# order = [1, 2, 0]
# other = Moments(total.n, total.mean[order], total.S[np.ix_(order, order)])
# print(bool(np.allclose(other.line()[0], bl.fit(moments, target="a", features=["b", "y"]).coef, rtol=1e-7)))
# ```
#
# ```text
# True
# ```
#
# </details>
#
# **9.3** You want the median of *y*. Can moments of parts be put together to get it?
#
# <details><summary>Solution</summary>
#
# No. The medians of two halves do not tell the median of the whole.
#
# ```python
# left, right = np.array([1, 2, 9]), np.array([3, 4, 5])
# other = np.array([1, 2, 3])
# print(np.median(left), np.median(other), np.median([*left, *right]), np.median([*other, *right]))
# ```
#
# ```text
# 2.0 2.0 3.5 3.0
# ```
#
# The two left halves have the same median. Put together with the same right half, they have not.
#
# </details>

# %% [markdown]
# ## 10. What to remember
#
# - A least-squares line needs only moments: a few numbers, whatever the number of rows.
# - Centre before you multiply, or digits are lost.
# - Moments add and subtract. So batches, machines, folds and days are all the same thing.
# - They know nothing of shape. Look at the rows, or at a sample of them.
#
# You have come from a line with two weights to ten million rows. Take a table of your own: `bestline fit YOURS.csv 'y ~ x'`.
#
# To cite: *bestline, a course on fitting lines. Lesson 7: Ten million rows.*
