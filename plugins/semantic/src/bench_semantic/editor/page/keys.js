// Keyboard shortcuts of the whole page. `actions` are those that the page's list names.

export function listen(actions) {
  let digits = "";
  let last = 0;

  document.addEventListener("keydown", (event) => {
    const { target } = event;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const control = event.ctrlKey || event.metaKey;
    const typing = target.matches("input[type=search], select");
    const run = (action) => {
      event.preventDefault();
      action();
    };
    if (control && !event.altKey) {
      if (key === "s") return run(actions.save);
      if (typing) return undefined;
      if (key === "z") return run(event.shiftKey ? actions.redo : actions.undo);
      if (key === "y") return run(actions.redo);
      return undefined;
    }
    if (event.altKey || typing || (target.matches("input[type=range]") && key.length > 1)) return undefined;
    if (key >= "0" && key <= "9") {
      if (event.repeat) return undefined;
      digits = event.timeStamp - last < 900 ? digits + key : key;
      last = event.timeStamp;
      return run(() => {
        if (actions.digit(Number(digits))) return;
        digits = key; // no class has the longer number, so a new one was begun
        actions.digit(Number(digits));
      });
    }
    const by = event.shiftKey ? 10 : 1;
    const plain = {
      b: () => actions.tool("brush"),
      e: () => actions.tool("eyedropper"),
      f: () => actions.tool("fill"),
      "[": () => actions.resize(-by),
      "{": () => actions.resize(-by),
      "]": () => actions.resize(by),
      "}": () => actions.resize(by),
      ArrowUp: () => actions.step(-1),
      ArrowDown: () => actions.step(1),
      "/": actions.search,
      m: actions.hide,
      n: () => actions.photo(1),
      p: () => actions.photo(-1),
      Escape: actions.escape,
    };
    if (key === "c") return event.repeat ? undefined : run(() => actions.peek(true));
    return plain[key] && run(plain[key]);
  });

  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "c") actions.peek(false);
  });
  window.addEventListener("blur", () => actions.peek(false));
}
