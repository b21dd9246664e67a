// One request to a chat-completions endpoint, with axios.
// Install: npm install axios
// Run:     node ask.mjs
// Key:     the environment variable WCODE_API_KEY
import axios from "axios";
import process from "node:process";

const key = process.env.WCODE_API_KEY;
if (!key) {
  console.error("WCODE_API_KEY must hold your key");
  process.exit(1);
}

const body = {
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {
      "role": "system",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u{0} \u{1} \u{7} \u{8} \u{b} \u{c} \u{1b} \u{7f} \u{85} \r \t end\ninvisible \u{2028} \u{2029} \u{200b} \u{200d} \u{202e} \u{2066} \u{feff} \u{a0} \u{fffe}\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u{200d}👩\u{200d}👧 𝔘 \u{e0041} \u{10ffff}\n\\",
    },
    {
      "role": "user",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u{0} \u{1} \u{7} \u{8} \u{b} \u{c} \u{1b} \u{7f} \u{85} \r \t end\ninvisible \u{2028} \u{2029} \u{200b} \u{200d} \u{202e} \u{2066} \u{feff} \u{a0} \u{fffe}\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u{200d}👩\u{200d}👧 𝔘 \u{e0041} \u{10ffff}\n\\",
    },
  ],
  "stop": ["\\", "'", "\""],
};

const response = await axios.post("https://wcode.net/api/gpt/v1/chat/completions", body, {
  headers: {
    Authorization: `Bearer ${key}`,
    "Content-Type": "application/json",
  },
  validateStatus: () => true,
});

if (response.status >= 400) {
  console.error(response.status, JSON.stringify(response.data));
  process.exit(1);
}

const { message } = response.data.choices[0];
console.log(message.content ?? JSON.stringify(response.data));
