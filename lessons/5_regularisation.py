# %% [markdown]
# # 5. Regularisation
#
# **Objective.** You see a line over-fit, and tame it: ridge, lasso and elastic net, each by hand first. Then you find out what
# `weight_decay` in PyTorch's Adam really does.
#
# | | |
# |---|---|
# | Time | 40 minutes |
# | You need | Lessons 3 and 4; what a matrix product is |
# | You get | three penalties and when to use which; how to choose their size; why Adam and AdamW differ |
#
# Contents: 1 A line that over-fits. 2 Ridge. 3 Lasso. 4 Elastic net. 5 How large? 6 Weight decay. 7 Adam and AdamW. 8 Exercises.
# 9 What to remember.

# %% [markdown]
# ## 1. A line that over-fits
#
# A line with one input hardly over-fits. With many inputs and few rows it does. Here are 30 rows and 20 columns. Only the first
# three columns have anything to do with *y*; the truth is
#
#     y = 3 x₀ - 2 x₁ + 1.5 x₂ + noise,   noise with standard deviation 2
#
# A thousand more rows, for the test, come from the same source.

# %%
import numpy as np

rng = np.random.RandomState(0)
truth = np.zeros(20)
truth[:3] = 3, -2, 1.5


def draw(n):
    X = rng.randn(n, 20)
    return X, X @ truth + 2 * rng.randn(n)


(X, y), (X_test, y_test) = draw(30), draw(1000)

# Standardised by the training rows, as in lesson 4. So no penalty depends on the units of a column.
Z, t = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
Z_test, t_test = (X_test - X.mean(0)) / X.std(0), (y_test - y.mean()) / y.std()


def losses(w):
    """Mean squared error on training and test rows, in the units of y."""
    return tuple((y.var() * np.mean((inputs @ w - answers) ** 2)).item() for inputs, answers in ((Z, t), (Z_test, t_test)))


least_squares = np.linalg.lstsq(Z, t, rcond=None)[0]
print("training loss {:.2f}, test loss {:.2f}".format(*losses(least_squares)))
print("slopes without meaning, the largest:", round(np.abs(least_squares[3:] * y.std() / X.std(0)[3:]).max().item(), 2))

# %% [markdown]
# The noise has variance 4: no rule can be better than 4 on new rows. The training loss, 0.76, is below that. It has learnt
# the noise, and pays for it on the test rows.
#
# **Regularisation** asks for two things at once: a small loss, and small weights. The **penalty** *λ* says how much the
# second counts.

# %% [markdown]
# ## 2. Ridge
#
#     J(w) = (1/n) Σ (ŷᵢ - yᵢ)²  +  λ Σ wⱼ²
#     gradient: (2/n) Zᵀ (Z w - t) + 2 λ w
#     zero at:  (Zᵀ Z / n + λ I) w = Zᵀ t / n
#
# | Name | Meaning |
# |---|---|
# | *Z*, *t* | inputs and target, standardised |
# | *λ* | penalty, called `l2` in bestline |
# | *I* | the unit matrix |
#
# The bias is not penalised: it only says how high the line lies. With centred columns and a centred target it is 0, and drops
# out.
#
# Books and libraries write *J* with or without 1/*n* and 1/2. Their λ differ by these factors. Look before you compare.
#
# **Predict first.** When λ grows, what do training loss and test loss do?

# %%


def ridge(penalty):
    n, d = Z.shape
    return np.linalg.solve(Z.T @ Z / n + penalty * np.eye(d), Z.T @ t / n)


print("penalty   training   test")
for penalty in (0, 0.03, 0.1, 0.3, 1, 3):
    print("{:7}   {:8.2f}   {:4.2f}".format(penalty, *losses(ridge(penalty))))

# %% [markdown]
# The training loss only grows. The test loss falls first, and then grows too: with a large penalty the line under-fits.
#
# In bestline it is one word, `l2`. scikit-learn's `Ridge(alpha)` has no 1/*n*, so its `alpha` is *n* λ.
#
# bestline would warn that there are few rows for so many columns. That is what this lesson is about, so we switch the warning
# off.

# %%
import warnings

from sklearn.linear_model import Ridge

import bestline as bl

warnings.simplefilter("ignore", bl.errors.BestlineWarning)

by_hand = ridge(0.1) * y.std() / X.std(0)
model = bl.fit(X, y, l2=0.1)
print("by hand: ", by_hand[:3].round(4).tolist())
print("bestline:", model.coef.to_numpy()[:3].round(4).tolist())
assert np.allclose(model.coef, by_hand)
assert np.allclose(Ridge(alpha=len(y) * 0.1).fit(Z, t).coef_ * y.std() / X.std(0), by_hand)

# %% [markdown]
# ## 3. Lasso
#
#     J(w) = (1/n) Σ (ŷᵢ - yᵢ)²  +  λ Σ |wⱼ|
#
# The absolute value has an edge at 0. A weight that is hardly worth its price becomes **exactly** 0: the lasso chooses columns.
#
# There is no formula for all weights at once, but there is one for a single weight while the others stay as they are. Let *ρ* be
# the mean product of column *j* with what the other columns leave of the target. The new weight is *ρ*, moved towards 0 by λ/2.
# Where |*ρ*| is at most λ/2, it is 0:
#
#     wⱼ = sign(ρ) · max(|ρ| - λ/2, 0)
#
# Go round the columns until nothing moves: **coordinate descent**.

# %%


def lasso(penalty, rounds=2000):
    w = np.zeros(Z.shape[1])
    for _ in range(rounds):
        for j in range(len(w)):
            rest = t - Z @ w + Z[:, j] * w[j]  # what the other columns leave
            rho = (Z[:, j] @ rest / len(t)).item()
            w[j] = np.sign(rho) * max(abs(rho) - penalty / 2, 0)
    return w


print("penalty   training   test   columns")
for penalty in (0.03, 0.1, 0.2, 0.4, 0.8):
    w = lasso(penalty)
    print("{:7}   {:8.2f}   {:4.2f}   {:7}".format(penalty, *losses(w), int(np.sum(w != 0))))

# %% [markdown]
# With the penalty 0.4 few columns are left. Which?

# %%
by_hand = lasso(0.4) * y.std() / X.std(0)
model = bl.fit(X, y, l1=0.4)
print("columns kept:", np.flatnonzero(by_hand).tolist())
print("their slopes by hand: ", by_hand[by_hand != 0].round(3).tolist())
print("their slopes, bestline:", model.coef[model.coef != 0].round(3).tolist())
assert np.allclose(model.coef, by_hand, atol=1e-6)

# %% [markdown]
# The three true columns are among them, and their slopes are smaller than the true ones, 3, -2 and 1.5: the price of the
# penalty. A lasso that predicts well often keeps a column too many. Do not read it as a proof of what matters.

# %% [markdown]
# ## 4. Elastic net
#
# Both penalties together. When columns resemble each other, the lasso picks one of them almost by chance; with some ridge they
# share the weight. Let us add a near copy of column 0:

# %%
twins = np.column_stack([X, X[:, 0] + 0.1 * rng.randn(len(X))])
for name, penalties in {"lasso": {"l1": 0.4}, "elastic net": {"l1": 0.2, "l2": 0.2}}.items():
    coef = bl.fit(twins, y, **penalties).coef.to_numpy()
    print(f"{name:12} column 0 {coef[0]:.2f}, its twin {coef[20]:.2f}")

# %% [markdown]
# | You think that | Take |
# |---|---|
# | most columns matter a little | ridge |
# | few columns matter | lasso |
# | few matter, and some resemble each other | elastic net |
# | you have far more rows than columns | none: least squares |

# %% [markdown]
# ## 5. How large?
#
# The training loss cannot tell: it is always lowest without a penalty. So hold rows out. **K-fold cross-validation** divides the
# rows into K folds. It holds out each fold in turn, trains on the others, and takes the mean of the held-out losses. By hand, for ridge, with 5 folds:

# %%
fold = np.arange(30) % 5


def held_out_loss(penalty):
    total = 0.0
    for k in range(5):
        inside = fold != k
        A, c = X[inside], y[inside]
        mean, scale = A.mean(0), A.std(0)  # by the rows inside alone
        A = (A - mean) / scale
        w = np.linalg.solve(A.T @ A / len(c) + penalty * np.eye(20), A.T @ (c - c.mean()) / len(c))
        total += np.sum((((X[~inside] - mean) / scale) @ w + c.mean() - y[~inside]) ** 2)
    return (total / len(y)).item()


for penalty in (0.03, 0.1, 0.3, 1):
    print(f"penalty {penalty:4}: held-out loss {held_out_loss(penalty):.2f}")

# %%
chosen = bl.fit(X, y, cv="ridge", seed=0)
chosen_lasso = bl.fit(X, y, cv="lasso", seed=0)
print(f"ridge chosen by bestline: test loss {chosen.evaluate(X_test, y_test).mse[0]:.2f}")
print(
    f"lasso chosen by bestline: test loss {chosen_lasso.evaluate(X_test, y_test).mse[0]:.2f}, columns {(chosen_lasso.coef != 0).sum()}"
)
print(f"least squares:            test loss {losses(least_squares)[1]:.2f}")
assert chosen.evaluate(X_test, y_test).mse[0] < losses(least_squares)[1]

# %%
picture = chosen_lasso.plot.path()
picture

# %% [markdown]
# From left to right the penalty falls, and columns come in one by one, the true ones first. "Least error" marks the penalty
# that was chosen.

# %% [markdown]
# ## 6. Weight decay
#
# PyTorch's optimisers have a setting `weight_decay`. It is often called "the L2 penalty". Is it?
#
# For plain SGD, `weight_decay=λ` adds λ *w* to the gradient. The gradient of *l2* · *w*² is 2 · *l2* · *w*. So it is the ridge
# penalty with *l2* = λ/2. On one standardised column, where least squares gives *w*\*, training rests at
#
#     w = 2 w* / (2 + λ)
#
# We take the 35 training rows of lesson 4, and λ = 0.01.

# %%
import torch
from sklearn.model_selection import train_test_split
from torch import nn

stream = np.random.RandomState(1234)
inputs = np.arange(50.0)
answers = 3.5 * inputs + stream.uniform(-10, 20, size=50)
order = list(range(50))
stream.shuffle(order)
stream.randn(1, 1)
x35, x8, y35, y8 = train_test_split(inputs[order], answers[order], test_size=0.15, random_state=stream)
x35, _, y35, _ = train_test_split(x35, y35, test_size=0.15, random_state=stream)

z35 = torch.tensor((x35 - x35.mean()) / x35.std()).view(-1, 1)  # float64
t35 = torch.tensor((y35 - y35.mean()) / y35.std()).view(-1, 1)
optimum = (z35 * t35).mean().item()
print(f"least squares {optimum:.5f}, with weight decay it should be {2 * optimum / 2.01:.5f}")


def train(optimizer, steps, **settings):
    """Slope and bias of nn.Linear after so many steps on all 35 rows, from the start of lesson 4."""
    line = nn.Linear(1, 1, dtype=torch.float64)
    with torch.no_grad():
        line.weight.fill_(0.5674160718917847)
        line.bias.fill_(0.12612640857696533)
    rule = optimizer(line.parameters(), lr=0.1, **settings)
    for _ in range(steps):
        rule.zero_grad()
        nn.functional.mse_loss(line(z35), t35).backward()
        rule.step()
    return line.weight.item(), line.bias.item()


decayed = train(torch.optim.SGD, 500, weight_decay=0.01)[0]
to_scaled = x35.std() / y35.std()
ridge_model = bl.fit(x35, y35, l2=0.005)
print(f"SGD, 500 steps: {decayed:.5f}, bestline with l2 = 0.005: {ridge_model.coef['x0'] * to_scaled:.5f}")
assert np.isclose(decayed, ridge_model.coef["x0"] * to_scaled)

# %% [markdown]
# They agree, with one catch: PyTorch decays **all** parameters, the bias too. On standardised data the bias is 0 anyway. On raw
# data it is pulled away from where it belongs:

# %%
raw = torch.linspace(-1, 1, 41, dtype=torch.float64).view(-1, 1)
line = nn.Linear(1, 1, dtype=torch.float64)
rule = torch.optim.SGD(line.parameters(), lr=0.2, weight_decay=0.01)
for _ in range(400):
    rule.zero_grad()
    nn.functional.mse_loss(line(raw), 2 * raw + 100).backward()
    rule.step()
free = bl.fit(raw, 2 * raw + 100, l2=0.005, standardize=False)
print(f"the bias should be 100; PyTorch with weight decay {line.bias.item():.4f}, bestline with l2 {free.intercept:.4f}")

# %% [markdown]
# ## 7. Adam and AdamW
#
# Adam divides each gradient by its own usual size. `Adam(weight_decay=λ)` adds λ *w* **before** that division, so the decay is
# rescaled with the rest: it is *coupled*. `AdamW` takes rate · λ · *w* off the weight directly, **beside** Adam's step: it is
# *decoupled*.
#
# **Predict first.** After 5,000 steps each, which of the two is at the ridge solution, 0.98334?

# %%
print(f"{'':10} 100 steps   5,000 steps")
rest = {}
for optimizer in (torch.optim.Adam, torch.optim.AdamW):
    after = {steps: train(optimizer, steps, weight_decay=0.01)[0] for steps in (100, 5000)}
    rest[optimizer.__name__] = after[5000]
    print(f"{optimizer.__name__:10} {after[100]:9.5f}   {after[5000]:11.5f}")
assert np.isclose(rest["Adam"], 2 * optimum / 2.01, rtol=1e-5)

# %% [markdown]
# Adam. When the whole gradient is zero, any rescaling of it is zero too; so its resting point is where loss and penalty
# balance: ridge. AdamW rests where Adam's step and the decay balance, and that is close to least squares, 0.98826. So the two
# are different models, with the same λ. And after 100 steps neither had come to rest.
#
# bestline takes any PyTorch optimiser, with its settings:

# %%
from functools import partial

start_slope = 0.5674160718917847 / to_scaled
start = (start_slope, 0.12612640857696533 * y35.std() + y35.mean() - start_slope * x35.mean())
for optimizer in (torch.optim.Adam, torch.optim.AdamW):
    solver = bl.Descent(partial(optimizer, weight_decay=0.01), lr=0.1, steps=100)
    same = bl.fit(x35, y35, solver=solver, start=start)
    print(f"bestline, {optimizer.__name__}: {same.coef['x0'] * to_scaled:.5f}")
    assert np.isclose(same.coef["x0"] * to_scaled, train(optimizer, 100, weight_decay=0.01)[0])

# %% [markdown]
# For a line you need neither: the ridge solution is a formula, and bestline computes it in one step. In a deep network there
# is no formula, and the choice matters.
#
# ### The live page
#
# Ridge, trained by descent. The bowl is loss and penalty together, and its lowest point lies nearer to slope 0 than the
# lowest loss does.
#
# A notebook shows it here, a terminal opens it, and the script writes `regularisation.html`.

# %%
walked = bl.fit(x35, y35, l2=0.2, solver="sgd", lr=0.1, steps=40, start=(0, 0))
page = walked.watch()
page.save("regularisation.html", overwrite=True)
page

# %% [markdown]
# ## 8. Exercises
#
# **8.1** Someone has used `Ridge(alpha=3)` from scikit-learn on 30 standardised rows. Which `l2` is that?
#
# <details><summary>Solution</summary>
#
# 3 / 30 = 0.1. It is the model of section 2.
#
# ```python
# print(np.allclose(Ridge(alpha=3).fit(Z, t).coef_, ridge(0.1)))
# ```
#
# ```text
# True
# ```
#
# </details>
#
# **8.2** How large must the lasso penalty be, so that no column is left?
#
# <details><summary>Solution</summary>
#
# All weights are 0 when |ρ| is at most λ/2 for each column, with ρ taken while all weights are 0. So λ is twice the largest
# correlation with *y*, its sign left out.
#
# ```python
# largest = 2 * np.abs(Z.T @ t / len(t)).max().item()
# print(round(largest, 3), int(np.sum(lasso(largest * 1.0001) != 0)), int(np.sum(lasso(largest * 0.99) != 0)))
# ```
#
# ```text
# 1.565 0 1
# ```
#
# </details>
#
# **8.3** Stop plain descent early instead of penalising. What does it resemble?
#
# <details><summary>Solution</summary>
#
# Ridge. From the start 0, a direction with curvature *c* has come 1 - (1 - rate · c)^steps of its way; ridge comes
# c / (c + 2 λ) of it. Both hold back the directions that the data say little about.
#
# ```python
# few = bl.fit(X, y, solver="sgd", lr=0.1, steps=20, start=[0] * 20 + [y.mean()])
# print(few.evaluate(X_test, y_test).mse[0] < losses(least_squares)[1])
# ```
#
# ```text
# True
# ```
#
# </details>

# %% [markdown]
# ## 9. What to remember
#
# - Few rows and many columns: least squares learns the noise.
# - Ridge makes all weights smaller. Lasso makes some of them 0. Elastic net does both.
# - Standardise first, leave the bias alone, and choose the size by rows held out.
# - Factors of 1/n and 1/2 differ between books. State the objective.
# - `weight_decay` in SGD and Adam is ridge with half its value, on the bias too. In AdamW it is something else.
#
# Next: `bestline lesson a-real-table`.
#
# To cite: *bestline, a course on fitting lines. Lesson 5: Regularisation.*
