// The page that `sonde report` writes: a ScanReport as JSON in #report-data.
import { fromJsonString } from "@bufbuild/protobuf";
import { mount } from "svelte";
import "../base.css";
import { ScanReportSchema } from "../gen/sonde/v1/scan_report_pb";
import ScanView from "./ScanView.svelte";

const app = document.getElementById("app")!;
const data = document.getElementById("report-data")?.textContent?.trim() || "{}";
try {
  const report = fromJsonString(ScanReportSchema, data, { ignoreUnknownFields: true });
  mount(ScanView, { target: app, props: { report, live: false } });
} catch (error) {
  app.textContent = `The counts in this file cannot be read: ${error instanceof Error ? error.message : error}. Was it cut short? Make it again with sonde report.`;
}
