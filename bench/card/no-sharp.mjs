// Stands for sharp in the bundle, where no picture files are opened.
export default function sharp() {
  throw new Error("this bundle cannot open picture files")
}
