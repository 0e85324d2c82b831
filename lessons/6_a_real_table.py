# %% [markdown]
# # 6. A real table, from start to a defended answer
#
# **Objective.** You answer a question with a real table, and can defend the answer: what was left out, what was held equal, how
# sure it is, and what would change your mind.
#
# | | |
# |---|---|
# | Time | 45 minutes |
# | You need | Lessons 4 and 5; what a standard deviation is |
# | You get | categories as columns, standard errors and intervals by hand, diagnostics, robust errors, a report |
#
# Contents: 1 The question. 2 Look at the table. 3 A first answer, and why it is wrong. 4 Categories. 5 How sure? 6 Does the line
# fit? 7 A better line. 8 Rows it never saw. 9 Predict. 10 The answer. 11 Exercises. 12 What to remember.

# %% [markdown]
# ## 1. The question
#
# The Palmer penguins: three species, measured on three islands of Antarctica, from 2007 to 2009 (Gorman, Williams & Fraser 2014).
#
# **How much heavier is a penguin whose flipper is 1 mm longer, among birds of the same species and sex?**
#
# Write the question down before you fit anything. "Of the same species and sex" is part of it.

# %% [markdown]
# ## 2. Look at the table

# %%
import numpy as np
import pandas as pd

import bestline as bl

table = pd.read_csv(bl.samples.path("penguins"))
print("rows and columns:", table.shape)
print(table[["species", "sex", "flipper_length_mm", "body_mass_g"]].head(4).to_string())
print("missing:", {name: int(count) for name, count in table.isna().sum().items() if count})
print(table.groupby("species")[["flipper_length_mm", "body_mass_g"]].mean().round(1).to_string())

# %%
picture = bl.plot_data(table, "body_mass_g ~ flipper_length_mm + species")
picture

# %% [markdown]
# Of nine birds the sex is not known. Everything else is complete. The birds called Gentoo have the longest flippers,
# and are the heaviest.

# %% [markdown]
# ## 3. A first answer, and why it is wrong

# %%
first = bl.fit(table, "body_mass_g ~ flipper_length_mm")
print(f"grams for each mm of flipper: {first.coef['flipper_length_mm']:.1f}")

# %% [markdown]
# **Predict first.** This line compares all birds with each other. Within one species, will the slope be larger or smaller?
#
# Part of the 49.7 g is no effect of the flipper: a bird with a longer flipper is more often a Gentoo, and Gentoos are heavy. Species
# goes with both, flipper and mass. Such a column is a **confounder**. To hold it equal, put it into the line.

# %% [markdown]
# ## 4. Categories
#
# A line needs numbers. A category becomes columns of 0 and 1, one for each level but one: the one left out is what
# the others are compared with. By hand:

# %%
known = table.dropna(subset=["sex"])
columns = {
    "Intercept": np.ones(len(known)),
    "flipper_length_mm": known["flipper_length_mm"].to_numpy(),
    "Chinstrap": (known["species"] == "Chinstrap").to_numpy(float),
    "Gentoo": (known["species"] == "Gentoo").to_numpy(float),
    "male": (known["sex"] == "male").to_numpy(float),
}
X, y = np.column_stack(list(columns.values())), known["body_mass_g"].to_numpy()
weights = np.linalg.lstsq(X, y, rcond=None)[0]
print("rows used:", len(y))
for name, weight in zip(columns, weights, strict=True):
    print(f"{name:18} {weight:9.2f}")

# %% [markdown]
# Within species and sex it is 20.0 g for each mm, less than half of the first answer.
#
# - *Gentoo*, 836: a Gentoo is that much heavier than an Adélie with the same flipper and of the same sex.
# - *male*, 530: a male is that much heavier than a female of the same species and flipper.
# - *Intercept*: a female Adélie with a flipper of 0 mm. Nobody asks for her. An intercept need not mean anything.
#
# In bestline a formula says it. Text columns become categories by themselves. Rows with missing values are refused unless
# you say what to do with them: so you know about them.

# %%
import warnings

warnings.simplefilter("ignore", bl.errors.BestlineWarning)  # it says that 9 rows are left out, which we know
model = bl.fit(table, "body_mass_g ~ flipper_length_mm + species + sex", missing="drop")
print(model.params.round(2).to_string())
print(model.notes[0])
assert np.allclose(sorted(model.params), sorted(weights))

# %% [markdown]
# ## 5. How sure?
#
# Other penguins would have given another slope. The **standard error** says how much it would vary. If the errors all have
# the same variance σ² and are independent of each other:
#
#     σ²  = (sum of squared residuals) / (n - p)
#     cov = σ² (Xᵀ X)⁻¹
#
# | Name | Meaning | Here |
# |---|---|---|
# | *n* | rows | 333 |
# | *p* | weights, the intercept among them | 5 |
# | *n - p* | degrees of freedom | 328 |
#
# The standard errors are the square roots of the diagonal. About two of them to each side make a 95 % **confidence
# interval**; how many exactly, the t distribution says.

# %%
from scipy import stats

n, p = X.shape
residuals = y - X @ weights
sigma2 = residuals @ residuals / (n - p)
std_error = np.sqrt(np.diag(sigma2 * np.linalg.inv(X.T @ X)))
t = stats.t.ppf(0.975, n - p)
low, high = weights[1] - t * std_error[1], weights[1] + t * std_error[1]
print(f"degrees of freedom {n - p}, t {t:.3f}")
print(f"standard error {std_error[1]:.3f}, interval {low:.2f} to {high:.2f}")
print(model.conf_int().loc["flipper_length_mm"].round(2).to_dict())
assert np.isclose(model.bse["flipper_length_mm"], std_error[1])
assert np.allclose(model.conf_int().loc["flipper_length_mm"], [low, high])

# %% [markdown]
# Read it like this: the data go well together with 14 to 26 g, and badly with 0. It does *not* say that 95 % of the penguins
# lie in there.

# %% [markdown]
# ## 6. Does the line fit?
#
# All of the above trusts the line. So look at what it leaves over. The residuals should be a cloud without a shape.

# %%
picture = model.plot.residuals()
picture

# %%
print(model.diagnose())

# %% [markdown]
# The two tests called RESET say: something in products or squares of the columns is still unexplained (the p-values are
# small). One guess from the field: males and females do not differ by the same mass in every species. That is an
# **interaction**: a product of two columns.

# %% [markdown]
# ## 7. A better line

# %%
better = bl.fit(table, "body_mass_g ~ flipper_length_mm + species * sex", missing="drop")
print(better.params.round(1).to_string())
print(bl.compare(model, better))

# %% [markdown]
# The F test at the end asks whether the new weights explain more than chance would. They do. A male Adélie is 580 g
# heavier than a female one. Between male and female Chinstraps the difference is 336 g less.
#
# And our question? The slope of the flipper was 20.0 and is 20.5. **That is what one hopes for: the model got better, and the answer
# stayed the same.**
#
# One more doubt: do the errors have the same variance everywhere? **Robust** standard errors do not need that. By hand (the
# variant HC3) and by bestline:

# %%
X3 = np.column_stack([X, X[:, 2] * X[:, 4], X[:, 3] * X[:, 4]])
inverse = np.linalg.inv(X3.T @ X3)
weights3 = inverse @ X3.T @ y
assert np.allclose(sorted(weights3), sorted(better.params))
leverage = np.einsum("ij,jk,ik->i", X3, inverse, X3)
scaled = X3 * ((y - X3 @ weights3) / (1 - leverage))[:, None]
robust = np.sqrt(np.diag(inverse @ (scaled.T @ scaled) @ inverse))
print(f"standard error: classical {better.bse['flipper_length_mm']:.2f}, robust by hand {robust[1]:.2f}")
interval = better.conf_int(cov="HC3").loc["flipper_length_mm"]
print(f"robust interval by bestline: {interval['low']:.1f} to {interval['high']:.1f}")
assert np.isclose(better.tidy(cov="HC3").set_index("term")["std_error"]["flipper_length_mm"], robust[1])

# %% [markdown]
# No difference that matters.

# %% [markdown]
# ## 8. Rows it never saw
#
# Every fit in bestline tells its error on rows that it did not see, by 5-fold cross-validation. Typical errors, in grams:

# %%
for name, line in {"flipper alone": first, "with species, sex": model, "with interaction": better}.items():
    print(f"{name:18} {line.held_out.rmse[0]:6.1f}")
print(f"always the mean    {y.std():6.1f}")

# %% [markdown]
# ### The live page
#
# The same line by gradient descent, on standardised columns. Set "start of sex[T.male]" to `3000` and play. Only one weight was
# wrong. Why do the others move, too? (The columns have something in common: males have longer flippers. So a wrong weight of
# one looks, for a while, like a wrong weight of the other.)
#
# A notebook shows it here, a terminal opens it, and the script writes `a-real-table.html`.

# %%
walked = bl.fit(table, "body_mass_g ~ flipper_length_mm + species + sex", missing="drop", solver="sgd", steps=200)
print(f"flipper: exact {model.coef['flipper_length_mm']:.3f}, after 200 steps {walked.coef['flipper_length_mm']:.3f}")
page = walked.watch()
page.save("a-real-table.html", overwrite=True)
page

# %% [markdown]
# ## 9. Predict
#
# **Predict first.** For one female Adélie with a flipper of 195 mm: is the interval for *her* mass wider or narrower than the
# interval for the mean of all such birds?

# %%
bird = {"species": ["Adelie"], "sex": ["female"], "flipper_length_mm": [195.0]}
mean = better.predict(bird, interval="confidence").iloc[0]
one = better.predict(bird, interval="prediction").iloc[0]
print(f"predicted {one['prediction']:.0f} g")
print(f"the mean of such birds: {mean['conf_low']:.0f} to {mean['conf_high']:.0f}")
print(f"one such bird:          {one['pred_low']:.0f} to {one['pred_high']:.0f}")

# %% [markdown]
# Wider by far. The mean can be known ever better with more rows; single birds go on to differ.

# %% [markdown]
# ## 10. The answer
#
# > Among birds of the same species and sex, one millimetre more flipper goes with **about 20 g** more body mass (95 %
# > interval: 15 to 26 g, robust standard errors). This is from 333 of 342 birds; of the other nine the sex is unknown. The
# > residuals show no pattern once the difference between the sexes may depend on the species; that change moved the slope from
# > 20.0 to 20.5. On birds that the line had not seen, it errs by some 292 g.
#
# **What it is not.** It is not a cause: feeding a bird does not lengthen its flipper. It holds for adult birds of these three
# species, with flippers from 172 to 231 mm. **What would change our mind**: a column that goes with both, flipper and mass, and
# that we do not have, such as age.
#
# For others, all of it as a page, and the model as a file that predicts:

# %%
better.report("penguins-report.html", table, overwrite=True)
better.save("penguins.bestline", overwrite=True)
again = bl.load("penguins.bestline")
print("reloaded, same prediction:", bool(np.isclose(again.predict(bird)[0], one["prediction"])))
print("flippers from", table["flipper_length_mm"].min(), "to", table["flipper_length_mm"].max())

# %% [markdown]
# ## 11. Exercises
#
# **11.1** Bill depth against bill length, over all birds: is the slope positive or negative? And within species?
#
# <details><summary>Solution</summary>
#
# ```python
# for formula in ("bill_depth_mm ~ bill_length_mm", "bill_depth_mm ~ bill_length_mm + species"):
#     print(round(bl.fit(table, formula).coef["bill_length_mm"], 3))
# ```
#
# ```text
# -0.085
# 0.2
# ```
#
# The sign turns over. This is known as Simpson's paradox. Neither number is wrong; they answer different questions.
#
# </details>
#
# **11.2** Compare the species with Gentoo instead of Adélie. What changes, and what does not?
#
# <details><summary>Solution</summary>
#
# ```python
# other = bl.fit(table, 'body_mass_g ~ flipper_length_mm + C(species, Treatment("Gentoo")) + sex', missing="drop")
# print(round(other.coef["flipper_length_mm"], 2), bool(np.isclose(other.held_out.rmse[0], model.held_out.rmse[0])))
# ```
#
# ```text
# 20.02 True
# ```
#
# Only the columns of the species and the intercept change. It is the same line, compared with another level.
#
# </details>
#
# **11.3** One line for each species: does the slope of the flipper differ?
#
# <details><summary>Solution</summary>
#
# ```python
# lines = bl.fit_groups(known, "body_mass_g ~ flipper_length_mm + sex", by="species").tidy()
# print(lines[lines["term"] == "flipper_length_mm"][["species", "estimate", "conf_low", "conf_high"]].round(1).to_string(index=False))
# ```
#
# ```text
#   species  estimate  conf_low  conf_high
#    Adelie      16.3       8.4       24.3
# Chinstrap      26.7      14.6       38.8
#    Gentoo      23.5      13.2       33.8
# ```
#
# The three intervals overlap widely, and each of them contains 20.
#
# </details>

# %% [markdown]
# ## 12. What to remember
#
# - First the question, with what is to be held equal. Then the fit.
# - Count what is missing, and say what you did about it.
# - A confounder changes the answer. Put it into the line.
# - An estimate without an interval is half an answer. An interval trusts the model, so look at the residuals.
# - Say what the answer is not.
#
# Next: `bestline lesson ten-million-rows`.
#
# To cite: *bestline, a course on fitting lines. Lesson 6: A real table.* Data: Gorman, Williams & Fraser (2014), CC0.
