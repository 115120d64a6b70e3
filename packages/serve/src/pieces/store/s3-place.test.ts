import { describe, expect, it } from "vitest"
import { ServeError } from "../../errors.ts"
import { readS3Place } from "./s3-place.ts"

const KEYS = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "not-to-be-shown" }

describe("readS3Place", () => {
  it("takes keys, region and server from the variables of Amazon's programs", () => {
    const amazon = readS3Place({ place: "s3://bucket/a/b/" }, { ...KEYS, AWS_REGION: "eu-west-1" })
    expect(amazon.urlOf("contents/ab/ü x")).toBe("https://bucket.s3.eu-west-1.amazonaws.com/a/b/contents/ab/%C3%BC%20x")
    expect(readS3Place({ place: "s3://my.bucket" }, KEYS).urlOf("x")).toBe(
      "https://s3.us-east-1.amazonaws.com/my.bucket/x",
    )
    const own = readS3Place({ place: "s3://bucket" }, { ...KEYS, AWS_ENDPOINT_URL: "http://127.0.0.1:9000/" })
    expect(own.urlOf("store.json")).toBe("http://127.0.0.1:9000/bucket/store.json")
    const environment = { ...KEYS, AWS_ENDPOINT_URL: "http://a", AWS_ENDPOINT_URL_S3: "http://b" }
    expect(readS3Place({ place: "s3://bucket" }, environment).shown).toBe("s3://bucket at http://b")
    expect(readS3Place({ place: "s3://bucket", endpoint: "https://c" }, environment).shown).toBe(
      "s3://bucket at https://c",
    )
  })

  it.each([
    ["s3://", KEYS, "has another form than expected. Expected s3://BUCKET/PREFIX"],
    ["s3://Bucket", KEYS, "has another form"],
    ["s3://bucket/a/../b", KEYS, "has another form"],
    ["s3://bucket//b", KEYS, "has another form"],
    ["s3://bucket", { AWS_ACCESS_KEY_ID: "id" }, "AWS_SECRET_ACCESS_KEY of the environment is not set"],
    ["s3://bucket", {}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment are not set"],
    ["s3://bucket", { ...KEYS, AWS_ENDPOINT_URL: "ftp://x" }, "the address of the S3 server has another form"],
    ["s3://bucket", { ...KEYS, AWS_ENDPOINT_URL: "http://u:p@x" }, "the address of the S3 server has another form"],
  ])("refuses %s with %j, and shows no key", (place, environment, message) => {
    const read = (): unknown => readS3Place({ place }, environment)
    expect(read).toThrow(ServeError)
    expect(read).toThrow(message)
    expect(read).not.toThrow("not-to-be-shown")
  })
})
