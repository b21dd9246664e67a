// One request to a chat-completions endpoint, with net/http.
// Install: apt install golang-go
// Run:     go run ask.go
// Key:     the environment variable WCODE_API_KEY
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

const body = `{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {"role": "system", "content": "你是一位严谨的编辑。"},
    {
      "role": "user",
      "content": "请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n"
    }
  ],
  "max_tokens": 8192
}`

type answer struct {
	Choices []struct {
		Message struct{ Content string }
	}
}

func main() {
	log.SetFlags(0)
	key := os.Getenv("WCODE_API_KEY")
	if key == "" {
		log.Fatal("WCODE_API_KEY must hold your key")
	}

	request, err := http.NewRequest("POST", "https://wcode.net/api/gpt/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	if response.StatusCode >= 400 {
		log.Fatalf("%d %s", response.StatusCode, text)
	}

	var parsed answer
	if err := json.Unmarshal(text, &parsed); err != nil {
		log.Fatal(err)
	}
	if len(parsed.Choices) > 0 && parsed.Choices[0].Message.Content != "" {
		fmt.Println(parsed.Choices[0].Message.Content)
	} else {
		fmt.Println(string(text))
	}
}
