// Signing in: an API key, and where to get one.

import { signIn } from "./api.js";
import { fill, folded, h } from "./element.js";
import { field, form, input } from "./form.js";

export function signInPage(main, message, next) {
  const key = input("key", { type: "password", required: true, autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const enter = form({ class: "narrow" }, [field("API key", key, "It stays in this tab, and is forgotten when you sign out or close it.")], "Sign in", async ({ key: entered }) => {
    await signIn(entered ?? "");
    next();
  });
  fill(main,
    h("h1", null, "Sign in"),
    message && h("p", { class: "note", role: "status" }, message),
    enter,
    folded("Where do I get a key?",
      h("p", null, "From whoever runs the database. It is made there, and shown once:"),
      h("pre", null, "select dialer.create_api_key('console of Ada', 'plan');"),
      h("p", null, "The scope says what it may do: ", h("b", null, "read"), " looks; ", h("b", null, "plan"), " makes and controls campaigns and calls as well; ",
        h("b", null, "admin"), " may also take entries off the do-not-call list and lift bans.")));
  key.focus();
}
