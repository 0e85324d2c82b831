/** The address: what stands behind # says what is shown and which controls a teacher hid, so that a link opens the same. */

const PLAIN = { missing: "drop", loss: "squared", standardize: true, seed: 0 };

/** What a link says: {token, run, page, hide, tab, lesson}; `page` is what the player shows of the run beside its descent. */
export function read(hash = location.hash) {
  const parts = new URLSearchParams(hash.slice(1));
  let run = null;
  try {
    run = JSON.parse(parts.get("run") ?? "null");
  } catch {
    // a link that was cut: begin as without
  }
  return {
    token: parts.get("token"),
    run: run && typeof run === "object" && typeof run.data === "string" ? run : null,
    page: parts.get("page"),
    hide: (parts.get("hide") ?? "").split(",").filter(Boolean),
    tab: parts.get("tab"),
    lesson: parts.get("lesson"),
  };
}

/** The fields of a run that are not as they would be anyway. */
export const brief = (asked) => Object.fromEntries(Object.entries(asked).filter(([name, value]) => value !== null && value !== undefined && PLAIN[name] !== value));

/** Behind #: what is shown now. Data that were sent are on this machine alone, so a link to them says nothing. */
export function written({ run, page = "", hide = [], tab = null, lesson = null }) {
  const parts = new URLSearchParams();
  if (run && !run.data.startsWith("upload:")) {
    parts.set("run", JSON.stringify(brief(run)));
    if (page) parts.set("page", page);
  }
  if (hide.length) parts.set("hide", hide.join(","));
  if (tab) parts.set("tab", tab);
  if (lesson) parts.set("lesson", lesson);
  return `#${parts}`;
}
