include { SIMULATE                  } from './modules/simulate'
include { CHECK as CHECK_PARAMETERS } from './modules/check'
include { CHECK                     } from './modules/check'
include { SLICE                     } from './modules/slice'
include { TRAIN                     } from './modules/train'
include { RECONSTRUCT               } from './modules/reconstruct'
include { SCORE                     } from './modules/score'
include { AGGREGATE                 } from './modules/aggregate'

include { codeOfTools                            } from './modules/code'
include { helpText                               } from './modules/help'
include { named ; namedScan ; namedSheet ; passed } from './modules/inputs'
include { refuseImpossiblePlace                  } from './modules/place'
include { recordRun ; sayHowItEnded              } from './modules/run'

workflow {
    schema = projectDir.resolve('nextflow_schema.json')
    if (params.help) {
        println(helpText(schema))
        return
    }
    refuseImpossiblePlace(params, schema)
    tools = codeOfTools(projectDir)
    recordRun(params, tools)
    def product = file("${params.outdir}", glob: false).resolve(params.train_only ? 'model' : 'report.html')
    workflow.onComplete { sayHowItEnded(product) }

    code = tools.collectEntries { tool, source -> [tool, source.digest] } // [check: 'd41d8c…', slice: '9e107d…', …]
    parameters = groovy.json.JsonOutput.toJson(params)
    opened = params.subMap('input')
    given = named('model', params.model) // ["--model '/data/model'", [/data/model]], or ['', []]
    embedding = named('embedding', params.embedding)
    weights = named('weights', params.weights)

    // What to read, in the same form: ["--input '/data/samplesheet.csv'", [/data/samplesheet.csv, /data/ad0.nii.gz, …]]
    source = channel.value(['', []])
    if (params.input) {
        source = channel.value(namedSheet(params.input))
    }
    else if (params.scan) {
        source = channel.value(namedScan(params.scan, launchDir))
    }
    else if (params.simulate) {
        CHECK_PARAMETERS(source, given, embedding, weights, parameters, schema, code.check)
        SIMULATE(CHECK_PARAMETERS.out.problems.map { problems -> passed(problems, opened) }, code.simulate)
        source = SIMULATE.out.samplesheet.map { sheet -> namedSheet(sheet) }
    }

    // Nothing starts before this has passed
    CHECK(source, given, embedding, weights, parameters, schema, code.check)
    checked = CHECK.out.problems.map { problems -> passed(problems, opened) }
    CHECK.out.warnings.subscribe { warnings -> warnings.eachLine { line -> log.warn(line) } }

    // The sheet in its normal form:
    //   [[id: 'ad0', subject: 's1', label: 'AD', split: 'train'], /data/ad0.nii.gz, /data/ad0_mask.nii.gz or []]
    scans = CHECK.out.samplesheet
        .combine(checked)
        .map { sheet, _checked -> sheet }
        .splitCsv(header: true, quote: '"')
        .map { row ->
            [
                row.subMap('subject', 'label', 'split') + [id: row.scan],
                file(row.image, glob: false),
                row.mask ? file(row.mask, glob: false) : [],
            ]
        }
        .filter { meta, _image, _mask -> !params.train_only || meta.split != 'test' }

    // The cube that every scan is brought into: [size: 128, slice_range: [0.35, 0.75], fov: 192.0]
    cube = CHECK.out.conform.map { json -> new groovy.json.JsonSlurper().parse(json) }

    SLICE(scans, cube, code.slice) // [[id: 'ad0', …], slices/ad0]

    model = channel.value(given[1]) // model: diffusion.safetensors, embedding.safetensors, config.json
    if (!params.model) {
        learning = SLICE.out.slices // [slices/ad0, slices/cn3, …] in the order of their ids
            .filter { meta, _slices -> meta.split != 'test' }
            .collect(flat: false, sort: { one, other -> one[0].id <=> other[0].id })
            .map { pairs -> pairs.collect { _meta, slices -> slices } }
        model = TRAIN(learning, code.train).model
    }

    if (!params.train_only) {
        images = scans.map { meta, image, _mask -> [meta, image] }
        RECONSTRUCT(images.join(SLICE.out.slices), model, embedding[1], code.reconstruct) // [[id: 'ad0', …], [ad0_anomaly.nii.gz, …]]

        pairs = SLICE.out.slices.join(RECONSTRUCT.out.reconstruction)
        SCORE(pairs, weights[1], code.score) // [[id: 'ad0', …], scores/ad0]

        scores = SCORE.out.scores.map { _meta, folder -> folder }.collect(sort: { folder -> folder.name })
        AGGREGATE(scores, params.embedding ? [] : model, CHECK.out.parameters, code.aggregate)
    }
}
