// Unpack the Python that this module carries into the folder given.
package main

import (
	"log"
	"os"

	"github.com/kluctl/go-embed-python/python"
)

func main() {
	if _, err := python.NewEmbeddedPythonWithTmpDir(os.Args[1], false); err != nil {
		log.Fatal(err)
	}
}
