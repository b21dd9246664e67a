"""Other services whose API keys are often in the environment, as rows.

A key set for another service is never used automatically; if no other endpoint is
configured, the user is shown how to use it.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """A service: key variable, base URL, and the variable that overrides the URL."""

    name: str
    key: str
    base_url: str
    url_variable: str = ""

    def line(self, environ: Mapping[str, str]) -> str:
        """Return the Python line that selects this service, without the key."""
        own = self.url_variable and environ.get(self.url_variable)
        url = f'os.environ["{self.url_variable}"]' if own else f'"{self.base_url}"'
        key = f'os.environ["{self.key}"]' if environ.get(self.key) else '"none"'
        pairs = f"WCODE_API_KEY={key}, WCODE_BASE_URL={url}"
        return f"import os; os.environ.update({pairs})"


PROVIDERS = (
    Provider(
        "OpenAI", "OPENAI_API_KEY", "https://api.openai.com/v1", "OPENAI_BASE_URL"
    ),
    Provider(
        "DashScope",
        "DASHSCOPE_API_KEY",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
    ),
    Provider("DeepSeek", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1"),
    Provider("SiliconFlow", "SILICONFLOW_API_KEY", "https://api.siliconflow.cn/v1"),
    Provider("Moonshot", "MOONSHOT_API_KEY", "https://api.moonshot.cn/v1"),
    Provider("Zhipu", "ZHIPUAI_API_KEY", "https://open.bigmodel.cn/api/paas/v4"),
    Provider(
        "ModelScope", "MODELSCOPE_API_KEY", "https://api-inference.modelscope.cn/v1"
    ),
    Provider(
        "AI Studio", "AI_STUDIO_API_KEY", "https://aistudio.baidu.com/llm/lmapi/v3"
    ),
    Provider("OpenRouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"),
)


def unused(environ: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the variables set for other services, and the line that uses the first.

    No names and an empty line if none is set.
    """
    names, line = [], ""
    for row in PROVIDERS:
        found = [name for name in (row.key, row.url_variable) if environ.get(name)]
        if found and not line:
            line = row.line(environ)
        names += found
    return names, line
