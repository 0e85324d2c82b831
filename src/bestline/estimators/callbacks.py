"""Callbacks: scikit-learn's protocol hears of every epoch or step of training, where scikit-learn has it (1.9 and later)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands where scikit-learn has no callbacks."""

    def with_callbacks(method: Any) -> Any:
        """The method itself."""
        return method


__all__ = ["CallbackSupportMixin", "Telling", "with_callbacks"]


class Telling:
    """Tells an estimator's callbacks of its fit and of each task within; says nothing where there are none.

    Parameters
    ----------
    estimator : estimator
    most : int
        Number of tasks, at most.
    X, y : array
        What the fit was given.
    """

    def __init__(self, estimator: Any, most: int | None, X: Any, y: Any) -> None:
        self.estimator, self.data = estimator, {"X": X, "y": y}
        # Private by its name, but scikit-learn documents it for those who write estimators: there is no other way in.
        begin = getattr(estimator, "_init_callback_context", None)
        self.context = begin(max_subtasks=most) if begin is not None and hasattr(estimator, "set_callbacks") else None
        if self.context is not None:
            self.context.call_on_fit_task_begin(estimator=estimator, **self.data)

    @classmethod
    def of_nobody(cls) -> Telling:
        """What tells nobody, for rows that come in parts."""
        return cls(None, None, None, None)

    def task(self, name: str, work: Callable[[], dict[str, Any]]) -> bool:
        """Do some work between two calls; it returns what makes the estimator predict. True when a callback asks to stop."""
        if self.context is None:
            work()
            return False
        # scikit-learn's protocol: a context for each task; the end of it may ask to stop, and is given what predicts as of now.
        own = self.context.subcontext(task_name=name)
        own.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        state = work()
        return bool(own.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes=state, **self.data))

    def end(self) -> None:
        """The fit is done."""
        if self.context is not None:
            names = ("coef_", "intercept_")
            state = {name: getattr(self.estimator, name) for name in names}
            self.context.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes=state, **self.data)
