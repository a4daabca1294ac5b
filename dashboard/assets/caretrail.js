/* The browser's side of dashboard/components.py: Drawing and Freshness, plus keys, links, theme and copying.
   Loads before Dash's renderer, talks to nobody but the server it came from, keeps no patient data. */
(function () {
  "use strict";
  const h = React.createElement;

  function draw(node, key) {
    if (!Array.isArray(node)) return node;
    const [tag, attributes, ...children] = node;
    return h(tag, { ...attributes, key: attributes["data-key"] || key }, ...children.map(draw));
  }

  /* A story wider than its window begins where the chosen message is; after that it stays where it was left. */
  let placed = "";
  function place() {
    const here = window.location.pathname + window.location.search;
    const chosen = document.querySelector(".lanes-scroll a.hop.chosen");
    if (!chosen || here === placed) return;
    placed = here;
    const scroll = chosen.closest(".lanes-scroll");
    const mark = (chosen.querySelector(".plate") || chosen).getBoundingClientRect(), frame = scroll.getBoundingClientRect();
    if (mark.left < frame.left + 140 || mark.right > frame.right) {
      scroll.scrollLeft += mark.left + mark.width / 2 - (frame.left + frame.width * 0.55);
    }
  }

  document.addEventListener("scroll", (event) => {
    const scroll = event.target instanceof Element && event.target.matches(".lanes-scroll") ? event.target : null;
    if (scroll) scroll.style.setProperty("--scrolled", scroll.scrollLeft + "px");
  }, true);

  function Drawing(props) {
    React.useEffect(place);
    return draw(props.spec, props.id || "drawing");
  }

  function spoken(seconds) {
    if (seconds < 60) return Math.max(0, Math.round(seconds)) + "\u00a0s";
    if (seconds < 3600) return Math.floor(seconds / 60) + "\u00a0m";
    return Math.floor(seconds / 3600) + "\u00a0h\u00a0" + Math.floor((seconds % 3600) / 60) + "\u00a0m";
  }

  /* Ages are counted here, from the server's own clock at arrival, so that they go on when it stops answering. */
  function Freshness(props) {
    const data = props.data || {};
    const arrived = React.useRef({ now: 0, here: 0 });
    const [, turn] = React.useState(0);
    if (data.now && arrived.current.now !== data.now) arrived.current = { now: data.now, here: performance.now() };
    React.useEffect(() => {
      const timer = setInterval(() => turn((n) => n + 1), 500);
      return () => clearInterval(timer);
    }, []);
    const known = Boolean(data.now);
    const now = known ? data.now + (performance.now() - arrived.current.here) : 0;
    const age = known && data.takenAt ? (now - data.takenAt) / 1000 : null;
    const stale = known && (age === null || age > data.promise || Boolean(data.error));
    React.useEffect(() => {
      document.documentElement.toggleAttribute("data-stale", stale);
      if (data.title) document.title = (stale ? "◌ " : "") + data.title;
    });
    if (!known) return h("div", { id: props.id, className: "freshness" }, "\u00a0");
    const clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: data.zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
    }).format(new Date(now));
    const words = age === null ? "no data yet" : "data " + spoken(age) + " old";
    return h("div", { id: props.id, className: "freshness" + (stale ? " stale" : ""), role: "timer", "aria-live": "off" },
      h("span", { className: "clock" }, clock, " ", h("small", {}, data.zoneName)),
      h("span", { className: "age", title: data.error || "Age of what this page shows" },
        (stale ? "◌ " : "") + words + (data.error ? " · " + data.error : "")));
  }

  window.caretrail = { Drawing, Freshness };

  /* Links inside the app change the address and let Dash's Location notice, instead of loading a page. */
  function go(address) {
    const before = window.location.pathname;
    window.history.pushState({}, "", address);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    if (window.location.pathname !== before) window.scrollTo(0, 0);
  }

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    const anchor = target.closest("a[data-nav]");
    if (anchor && !event.defaultPrevented && event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)) {
      event.preventDefault();
      go(anchor.getAttribute("href"));
      return;
    }
    const copy = target.closest("[data-copy]");
    if (copy && navigator.clipboard) {
      const text = copy.getAttribute("data-copy");
      navigator.clipboard.writeText(text.startsWith("/") ? window.location.origin + text : text).then(() => {
        copy.setAttribute("data-copied", "1");
        setTimeout(() => copy.removeAttribute("data-copied"), 1500);
      });
      return;
    }
    if (target.closest("[data-theme-toggle]")) {
      const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      try { localStorage.setItem("caretrail-theme", next); } catch (refused) { /* private windows may refuse */ }
      return;
    }
    if (target.closest("[data-print]")) window.print();
    document.querySelectorAll("details.definition[open]").forEach((open) => {
      if (!open.contains(target)) open.removeAttribute("open");
    });
  });

  /* Below the lanes: what the message under the pointer, or with the focus, came of, in words. */
  function says(event) {
    const line = document.getElementById("lineage-says");
    const hop = event.target instanceof Element ? event.target.closest("a.hop[aria-label]") : null;
    if (!line || !hop) return;
    line.dataset.rest = line.dataset.rest || line.textContent;
    const leaves = event.type === "mouseout" || event.type === "focusout";
    line.textContent = leaves ? line.dataset.rest : hop.getAttribute("aria-label");
  }
  ["mouseover", "mouseout", "focusin", "focusout"].forEach((name) => document.addEventListener(name, says));

  /* A decision about identity: the reason and tokens go in the body, the answer stands where the button was. */
  document.addEventListener("submit", (event) => {
    const form = event.target instanceof Element ? event.target.closest("form[data-decide]") : null;
    if (!form) return;
    event.preventDefault();
    const { decide, about } = form.dataset;
    const told = form.querySelector(".told"), button = form.querySelector("button");
    const body = { action: decide, reason: form.elements.reason.value };
    if (decide === "withdraw") body.event_id = about; else body.tokens = about.split(" ");
    button.disabled = true;
    told.textContent = "…";
    fetch("/api/v1/identity/decisions", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    }).then((answer) => answer.json().then((said) => {
      const wrong = Array.isArray(said.detail) ? said.detail.map((one) => one.msg).join("; ") : said.detail;
      told.textContent = answer.ok ? "✓ Written down. The journeys follow within seconds." : "✕ " + wrong;
      button.disabled = answer.ok;
      if (answer.ok) form.elements.reason.disabled = true;
    })).catch(() => {
      told.textContent = "✕ Caretrail did not answer; nothing was decided. Try again.";
      button.disabled = false;
    });
  });

  /* What was sealed, for a person with a reason: in a window of its own that closes by itself, and is kept nowhere. */
  function opened(title, parts) {
    const dialog = document.createElement("dialog");
    dialog.className = "revealed";
    const head = document.createElement("h2"), until = document.createElement("p"), close = document.createElement("button");
    head.textContent = title;
    until.className = "muted";
    close.className = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.append(head);
    parts.forEach(([label, text]) => {
      const name = document.createElement("h3"), shown = document.createElement("pre");
      name.textContent = label;
      shown.textContent = text.replace(/\r\n?/g, "\n");
      shown.tabIndex = 0;
      dialog.append(name, shown);
    });
    dialog.append(until, close);
    let left = 60;
    const say = () => { until.textContent = "Closes in " + left + "\u00a0s; written down in the audit."; };
    const timer = setInterval(() => { left -= 1; say(); if (left <= 0) dialog.close(); }, 1000);
    dialog.addEventListener("close", () => { clearInterval(timer); dialog.remove(); });
    say();
    document.body.append(dialog);
    dialog.showModal();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target instanceof Element ? event.target.closest("form[data-reveal]") : null;
    if (!form) return;
    event.preventDefault();
    const { reveal, about, journey } = form.dataset;
    const told = form.querySelector(".told"), button = form.querySelector("button"), field = form.elements.reason;
    button.disabled = true;
    told.textContent = "…";
    fetch("/api/v1/reveal", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ journey, what: reveal, about, reason: field.value }),
    }).then((answer) => answer.json().then((said) => {
      button.disabled = false;
      if (!answer.ok) {
        told.textContent = "✕ " + (Array.isArray(said.detail) ? said.detail.map((one) => one.msg).join("; ") : said.detail);
        return;
      }
      told.textContent = "";
      field.value = "";
      form.closest("details").removeAttribute("open");
      const parts = [[reveal === "key" ? "Number" : "Message", said.value]];
      if (said.answer) parts.push(["Answer", said.answer]);
      opened(reveal === "key" ? "Key" : "Message", parts);
    })).catch(() => {
      told.textContent = "✕ Caretrail did not answer; nothing was opened. Try again.";
      button.disabled = false;
    });
  });

  /* Keys: "/" searches, Escape leaves, j and k walk the list, Enter opens (the browser's own). */
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (event.key === "Escape") {
      document.querySelectorAll("details.definition[open]").forEach((open) => open.removeAttribute("open"));
      if (typing) event.target.blur();
      return;
    }
    if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "/") {
      const search = document.getElementById("search");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
      return;
    }
    if (event.key !== "j" && event.key !== "k") return;
    const rows = Array.from(document.querySelectorAll("a[data-row]"));
    if (!rows.length) return;
    const here = rows.indexOf(document.activeElement);
    rows[Math.min(rows.length - 1, Math.max(0, here + (event.key === "j" ? 1 : -1)))].focus();
    event.preventDefault();
  });
})();
