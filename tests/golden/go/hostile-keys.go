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
  "messages": [{"role": "user", "content": "Hello"}],
  "metadata": {
    "__proto__": 1,
    "constructor": {"prototype": 2},
    "0": "zero",
    "": null,
    "\" => ' $x #{x} \u0000 \u2028": [true, false, null, [], {}, "", 0],
    "numbers": [
      0,
      -1,
      9007199254740993,
      18446744073709551616,
      -1180591620717411303424,
      1e-07,
      1.5e300,
      0.1,
      -2.5
    ]
  }
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
